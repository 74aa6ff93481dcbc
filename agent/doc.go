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
// A wake-up by the kernel costs the datapath about 9 us inside the BPF program, against
// 0.2 us for writing the event, and the agent more than the event itself. Not being
// woken up costs latency. No fixed policy has both: a wake-up per event is what Cilium's
// agent does, and pays; a ring that wakes its reader when half full holds 600 events
// back, 30 ms worth at 20,000 events/s.
//
// So the policy adapts, for each CPU by itself. While a CPU has few events, each of them
// wakes the reader up: a person who watches a quiet node sees an event within some 0.2 ms.
// Once there are many, the perf event in the CPU's slot of the events map is replaced by
// another one that writes into the same ring, but wakes the reader only when half of it has
// been written. The ring stays, so nothing is lost, copied or out of order, and the change
// takes two microseconds. From then on the reader comes by itself, on a timer; the datapath
// pays nothing for that.
//
// What a visit costs does not depend on the events that it finds: a timer and two context
// switches (some 18 us of CPU in a virtual machine), and for each client a system call that
// wakes it up (4 us). So the time between visits is the price of CPU in latency. It grows
// with the number of clients, 0.35 ms with one, 0.7 ms with four, 2 ms at most, which
// keeps the agent's share of a CPU at 5 to 7 % and the 99th percentile of the latency near
// that of an agent which is woken up for every event, but is often too busy to be prompt.
//
// A goroutine that sleeps in system calls only must yield to the Go scheduler now and then,
// or it costs twice as much, see reader.go. Timers of the Go runtime are not an alternative:
// they are rounded up to a millisecond. Neither are connections in the runtime's poller:
// that wakes up each time a client has read something, to find that nobody waits for it.
// Hence package epoll.
//
// When a CPU is quiet again its ring becomes eager again, see wakeups.go. At that moment, and
// when it stops, the reader asks the kernel how many events were lost: a loss is written
// into the ring only with the next event, so the last ones of a burst would stay unknown.
package agent
