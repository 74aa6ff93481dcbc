// SPDX-License-Identifier: Apache-2.0

// Package agent reads the events of a BPF datapath once and hands them to every
// subscriber: consumers inside the process, listeners, and clients of the monitor API
// 1.2 on a unix socket. It runs on Linux.
//
// # One order for all
//
// Events come from the perf ring buffers and from SendEvent. They are distributed one
// batch at a time, so all subscribers see them in the same order, and events of
// one CPU keep theirs. While events are being distributed SendEvent does not wait:
// it leaves its event for after them. A consumer that calls it from a callback
// therefore has every subscriber see the new event after the current one.
//
// # Who waits for whom
//
// Consumers are called directly, so a slow one holds up the reader; then the ring
// buffers fill up and the datapath counts losses. Clients hold up nobody: an
// event is encoded once, into a bounded log, and each connection has a place in it.
// A client that falls behind the log misses what was dropped, exactly that, and
// reads a RecordLost payload with the number of events and CPU -1 in their place. For
// each connection, once it has caught up,
//
//	events accepted by the log = events delivered + events reported lost
//
// where a loss that the datapath reported counts as the events that it lost.
//
// # When the kernel wakes the reader up
//
// A wake-up costs the datapath about 9 us inside the BPF program, and the agent
// more than the event itself; not being woken up costs latency. So the policy
// adapts, for each CPU by itself: while a CPU has few events, each of them wakes the
// reader up. Once there are many, the CPU's perf event is swapped for one that
// wakes up only when half of the ring is full, and the reader comes by itself, at
// intervals that are a multiple of what a visit costs. See wakeups.go.
package agent
