// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/internal/health"
)

// Option changes a default of [NewAgent].
type Option func(*Agent)

// WithLogger sets the logger. The default is logrus's standard logger. Its hooks must not
// call the agent, which may hold a lock when it logs.
func WithLogger(log logrus.FieldLogger) Option {
	return func(a *Agent) { a.log = log }
}

// WithHealth sets where the agent reports the health of its readers: of all of them in sum,
// and of each source in a scope of its own, named after it. The scope "subscribers" names consumers
// and listeners that hold everybody up, or were removed since they panicked. The default is nowhere. It must not call the agent, which holds a lock when it reports.
func WithHealth(h cell.Health) Option {
	return func(a *Agent) { a.health = health.OrNone(h) }
}

// WithEventsMap sets the path where the events map is pinned. The default is
// [DefaultEventsMap].
func WithEventsMap(path string) Option {
	return func(a *Agent) { a.eventsMapPath = path }
}

// WithFrames sets what takes the events out of the records if the events map of AttachToEventsMap is a
// ring buffer. By default a record is an event.
func WithFrames(frames Frames) Option {
	return func(a *Agent) { a.frames = frames }
}

// WithEventsMapCheck sets a function that is asked every second, as long as the events map of
// AttachToEventsMap is read, whether its datapath writes all events that it should. It returns nil,
// or why it does not, which is reported as for a [source.Checker]. It returns soon and
// must not call the agent. The default asks nobody.
func WithEventsMapCheck(check func() error) Option {
	return func(a *Agent) { a.eventsMapCheck = check }
}

// WithTakeOver has AttachToEventsMap and AttachToMap take the map away from somebody else who
// reads it, another agent for example, instead of waiting until they are gone. The other one
// can say so if it is an agent like this one. The map is not taken back from one who has taken it
// away from this agent.
func WithTakeOver() Option {
	return func(a *Agent) { a.takeOver = true }
}

// WithQueueSize sets how many events are kept for clients that fall behind, and how
// many events of SendEvent may wait to be dispatched. An event of the datapath has up to
// 64 KiB, mostly some 200 bytes; one of user space up to 1 MiB. The default, also for a size
// below 1, is [DefaultQueueSize]. See [WithQueueBytes] for the other bound.
func WithQueueSize(events int) Option {
	return func(a *Agent) { a.queueSize = events }
}

// WithQueueBytes sets how many bytes of memory the events may take that are kept for clients and
// streams; those of SendEvent that wait to be dispatched may take a quarter as many in addition.
// Of this bound and that of [WithQueueSize], the one that is reached first holds. The default is
// [DefaultQueueBytes], the smallest bound [MinQueueBytes].
//
// Events lie together in blocks of up to 64 KiB. A consumer or listener that keeps the data of one
// event keeps all of its block: once the queue has dropped it, that is the subscriber's
// memory and no part of this bound. Who keeps many events for long had better copy them. A stream
// keeps the block that it reads from.
//
// Events of SendEvent that are for consumers only are not encoded, and count as none.
func WithQueueBytes(bytes int) Option {
	return func(a *Agent) { a.queueBytes = bytes }
}

// WithMaxDelay sets how long an event may wait in the datapath's ring until the agent reads it. A larger
// one is cheaper: while there are many events, the agent looks into the rings at that interval. Few ones
// wake it up at once, whatever the delay. Not in it is what the machine needs to run the agent
// when it is due, or what a consumer takes that does not return. The default is [DefaultMaxDelay]; a delay
// below [MinMaxDelay] or above [MaxMaxDelay] counts as that.
func WithMaxDelay(d time.Duration) Option {
	return func(a *Agent) { a.maxDelay = d }
}

// WithDrainTimeout sets how long a stopping agent waits for clients to take the
// events that they have not read yet, and how long the agent waits for the Close of a
// listener. The default is a second.
func WithDrainTimeout(d time.Duration) Option {
	return func(a *Agent) { a.drainTimeout = d }
}
