// SPDX-License-Identifier: Apache-2.0

// Package flow makes the messages of Hubble's API of the monitor's events: flows of what the datapath did to packets and of
// access log records, agent events and debug events. They are what Cilium's Hubble makes of the same events, field by field;
// docs/hubble.md has the differences, and why.
//
//	d := flow.NewDecoder(flow.Options{NodeName: "cluster/node", Getters: flow.Getters{Interfaces: interfaces}})
//	for e := range events {
//		message, err := d.Decode(e)
//		...
//	}
//
// # What is not in an event
//
// The datapath knows numbers: identities, addresses, ports, endpoints, interfaces. What these mean is asked from [Getters],
// which are all optional, when an event is decoded; so a flow says what is true when it is read, which for an event of the
// history is later than when it happened. That an event is decoded only if somebody reads it makes Hubble cheap while nobody
// does.
//
// # Memory
//
// Messages share no memory with events and with each other, and belong to who gets them. The parts that most flows have are
// allocated in one piece, their text in another: a reference to any of it keeps all of the flow.
package flow
