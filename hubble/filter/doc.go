// SPDX-License-Identifier: Apache-2.0

// Package filter tells which flows a request for Hubble's API wants. It gives the answers that Cilium's Hubble gives.
//
// A filter looks twice. [Filter.MayMatch] sees an event as the datapath wrote it, and rules out what cannot match: by
// type, verdict, drop reason, addresses, ports and protocol, without an allocation. Only what is left is worth to be made a
// flow, which [Filter.Match] sees.
package filter
