// SPDX-License-Identifier: Apache-2.0

// Package agent reads the events of a BPF datapath once and hands them to every
// subscriber: consumers, listeners and streams inside the process, and clients of the
// monitor API 1.2 and 1.3 on unix sockets. It runs on Linux.
//
// # One event's way
//
//	datapath                               SendEvent
//	   │ writes                                │ 2' encode, once, unless only consumers are there
//	   v                                       │
//	source.Ring                                │
//	   │ 1 reader.read waits, and polls        │
//	   │ 2 reader.deliverBatch                 │
//	   v                                       v
//	3 dispatchLock: one at a time, in one order for all
//	   │ 4 reader.readBatchLocked copies       │ 4' deliverUserEventLocked
//	   │   records into the event log          │
//	   v                                       v
//	5 deliver...Locked ──> consumers (NotifyPerfEvent, ...), listeners (Enqueue)
//	   │
//	6 publishLocked: eventlog.Commit, of the history too; streams are woken up
//	   │
//	   ├── 7 conn.flush writes runs of the log to a client's socket, as they are or in frames of API 1.3
//	   └── 8 stream.deliver yields the payloads of Subscribe
//
// By number, with the function that does it:
//
//  1. [source.Rings].Wait returns since the source woke the reader up, or because the
//     wake-up policy (package wakeup) has it poll. Then reader.visit goes through the rings that may
//     have something.
//  2. reader.deliverBatch acquires the dispatch lock, and first delivers what was left with it
//     while it was held. SendEvent encodes its event and acquires the lock, or, if it is
//     held, leaves the event with it and returns.
//  3. Who holds the dispatch lock (dispatch.go) decides what comes next for everybody.
//  4. reader.readBatchLocked copies up to 256 records of a ring to their place in the event log,
//     where they are encoded on the way, and releases the ring's memory to the datapath. demand.go
//     says which classes of subscribers each is for; if there are none it is left out.
//  5. Agent.deliverRecordsLocked calls consumers and listeners, in the order of their registration:
//     callLocked has each take the whole batch, times it, and removes one that panics. No mutex
//     is held, so they may call the agent.
//  6. Agent.publishLocked gives the batch to cursors: from now on clients and streams see it.
//  7. The reader calls conn.flush for each client itself, once it has released the lock. After a
//     user event, and once a socket that was full takes more, the server's goroutine does.
//  8. The goroutine that loops over [Agent.Subscribe] decodes what its cursor has.
//
// # Words
//
//   - Source: where events come from, such as an events map, read by one reader. See package source.
//   - Ring: a queue of a source, of one CPU for example. Record: what is written into it in one go.
//   - Guest: a consumer or a listener, whose code runs on the agent's goroutines.
//   - Subscriber: a consumer, a listener, a stream or a client. Clients are connections to the socket.
//   - Dispatch lock: who holds it delivers events. Entry: what waits for it, a user event or a barrier.
//   - Barrier: a function to be called when all entries before it are delivered.
//   - Batch: records that are delivered in one go. Visit: one look of a reader into its rings. Poll: a visit
//     that no ring asked for.
//   - Suppressed: what whoever makes events left out on purpose, by a rate limit or by aggregation. See suppressed.go.
//   - Eager, armed, lazy: whether a ring wakes its reader up for every record, for the next one, or for
//     none and is polled.
//   - Drain: deliver all there is, before a source is detached or the agent stops.
//   - User event: an event of SendEvent. Agent event: one of api.MessageTypeAgent.
//   - Interest: what a subscriber wants, see package interest. Class: the subscribers of one interest.
//   - History: an event log of its own, of what is kept for subscribers that come later.
//   - Event log, segment, cursor: see package eventlog. Lag: what a cursor has yet to come to.
//
// # One order for all
//
// Events come from sources and from SendEvent. They are dispatched one
// batch at a time, so all subscribers see them in the same order, and events of
// one ring keep theirs. While events are being dispatched SendEvent does not wait:
// it leaves its event for after them. A consumer that calls it from a callback
// therefore has every subscriber see the new event after the current batch.
//
// Each source has a reader, a goroutine of its own: one that fails is started again
// and again, while the others are read.
//
// # Who wants what
//
// A subscriber that says nothing gets everything. Consumers and listeners that are
// [interest.Interested], streams of [Agent.SubscribeEvents] and clients of API 1.3 say what they
// want, and get no more. Those of one interest are a class, of which there can be 64; each event
// in the log has the set of classes that want it, found once, so a cursor passes over what is not for
// its class by looking at one bit. The log stays one encoded copy, and its sums hold for each class.
// Losses are for all, since nobody knows what was lost; notices of the agent about its sources
// are for all clients and streams.
//
// # Who waits for whom
//
// Consumers are called directly, so a slow one holds up all readers; then the ring
// buffers fill up and the datapath counts losses. Be a consumer to see events at once, in
// step with the datapath, and to be quick: to count, to update a map, to hand on. One that can't be
// quick gets a queue and a goroutine of its own from [consumer.NewQueued].
//
// Consumers and listeners are guests in the agent's goroutines (guests.go). Their panics are
// recovered, one deferred call for each batch and guest, and their time is measured, by the clock
// once for each. While there are any, a goroutine looks at them each second (watch.go): it names
// one that has been busy for two seconds, and the one that took most of the time when events were
// lost. What can't be helped: a callback that does not return holds up all others; one that
// ends its goroutine (runtime.Goexit) ends the reader; and what the Go runtime does not let anybody
// recover from, such as concurrent writes to a map, ends the process.
//
// Clients and streams hold up nobody: an
// event is encoded once, into a bounded log, and each has a place in it.
// One that falls behind the log misses what was dropped, exactly that, and
// gets a RecordLost payload with the number of events and CPU -1 in their place. For
// each, once it has caught up,
//
//	events accepted by the log = events delivered + events reported lost
//
// where a loss that the datapath reported counts as the events that it lost. Be a stream to
// write to a disk, a network or a person.
//
// Listeners are called directly, as consumers are, and get what clients get. They are there for
// what was written for Cilium's agent.
//
// # When the kernel wakes the reader up
//
// A wake-up by the kernel costs the datapath about 8 us inside the BPF program, against
// 0.2 us for writing the event, and the agent more than the event itself. Not being
// woken up costs latency. No fixed policy has both: a wake-up per event is what Cilium's
// agent does, and pays; a ring that wakes its reader when half full holds 600 events
// back, 30 ms worth at 20,000 events/s.
//
// So it goes as with the drivers of network cards. A ring that is quiet is armed: the next
// event wakes the reader up, and those after it do not. The reader then polls, and arms the ring again
// when it finds nothing. Polling costs the datapath nothing, and no event waits
// longer than the maximal delay, see [WithMaxDelay]. Where polls after a wake-up have been finding
// nothing, the ring is armed again at once: events that come one by one, and bursts that are over before
// the reader is there, cost a wake-up each and no poll. Wake-ups are counted against a budget of
// half as many as there are polls in that time; beyond it, polling goes on. When to do what is decided
// by package wakeup, which has no clock and no kernel.
//
// A ring is armed by putting another perf event into the CPU's slot of the events map, one that writes into the
// same ring. So nothing is lost, copied or out of order, and the change takes some
// microseconds. How that wakes the reader up once and not for each event of a burst is told in
// perfring/countdown.go. Before, it is made sure that the slot is not somebody else's by now.
//
// What a poll costs hardly depends on the events that it finds: it is the sleep in the kernel (15 to 20 us of CPU in a
// virtual machine), and for each client a system call that wakes it up (4 us). So the maximal delay is the price
// of CPU in latency. The timer slack of the reader's thread is reduced, so that the kernel ends its sleeps when they
// should: by default they are 50 us late, in case that another timer ends then.
//
// A goroutine that sleeps in system calls only must yield to the Go scheduler now and then,
// or it costs two to ten times as much, see reader.go. Timers of the Go runtime are not an alternative:
// they are rounded up to a millisecond. Neither are connections in the runtime's poller:
// that wakes up each time a client has read something, to find that nobody waits for it.
// Hence package epoll.
//
// A visit looks only into rings that woke the reader up or that are polled: each other one is a miss of the
// cache. Every second, when a ring is armed, and when it stops, the reader asks the kernel how many events were lost of a ring
// that was full: a loss is written into the ring only with the next event that fits, so the last ones of a burst would
// stay unknown.
package agent
