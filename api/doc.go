// SPDX-License-Identifier: Apache-2.0

// Package api is the wire vocabulary of the event monitor: the message types,
// the structs of their samples, and the names of the numbers in them.
//
// A sample is what one event of the perf ring buffer, or the Data field of one
// payload of the monitor socket, holds. Its first byte is the message type.
// Types up to 128 belong to the datapath and are C structs in the byte order of
// the host; those above belong to user space and are gob streams.
//
// The structs decode with Decode and encode with Append. Those of the datapath do so
// without reflection or allocation; decoding an [AgentNotify] allocates its text.
// Decode neither keeps nor changes the sample; Append returns the extended slice, as append
// does. The kernel pads samples: up to 7 bytes of garbage can follow an event. Decode
// skips them and PacketData never returns them.
//
// Input that cannot be decoded is a [*DecodeError], which wraps one of the Err
// values of this package.
//
// Access log records (type 129) are in the package accesslog below this one.
package api
