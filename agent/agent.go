// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/models"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/internal/health"
	"github.com/cilium/monitor/listener"
)

var (
	// ErrNoAgent is returned by methods of a nil *Agent.
	ErrNoAgent = errors.New("there is no monitor agent")

	// ErrStopped is returned once the agent's context is cancelled.
	ErrStopped = errors.New("the monitor agent is stopped")

	// ErrAttached is returned by methods that attach a source if it, or another one of its
	// name, is attached.
	ErrAttached = errors.New("the monitor agent is attached to it already")

	// ErrQueueFull is returned by SendEvent if so many events wait to be
	// distributed that this one is not accepted.
	ErrQueueFull = errors.New("the monitor agent's queue is full")
)

// Agent reads the events of the datapath and hands them to all subscribers. Its
// methods may be called at any time, by any goroutine and from any callback. On a nil
// *Agent they do nothing, and those that return an error return [ErrNoAgent].
//
// The embedded Mutex guards the embedded MonitorStatus; [Agent.State] returns a copy
// of it. Nobody needs to lock it otherwise.
type Agent struct {
	sync.Mutex
	models.MonitorStatus

	// Set by NewAgent.
	ctx            context.Context
	log            logrus.FieldLogger
	health         cell.Health
	eventsMapPath  string
	eventsMapCheck func() error // nil if there is nothing to ask
	queueSize      int
	takeOver       bool
	frames         Frames // nil if records of a ring buffer are events
	queueBytes     int
	drainTimeout   time.Duration
	maxDelay       time.Duration

	events    *eventlog.Log // appended to by who holds dispatch
	dispatch  dispatchLock
	userBatch batch // of the event of user space that who holds dispatch delivers

	counters counters

	history   *history // nil if there is none
	demand    demand
	consumers subscribers[consumer.MonitorConsumer]
	listeners subscribers[listener.MonitorListener]
	streams   subscribers[*stream]
	servers   subscribers[*server]

	connections atomic.Int64 // of all servers; changed under Mutex
	batchLimit  atomic.Int64 // see updateAttachedLocked; changed under Mutex

	// Guarded by Mutex.
	attachments       []*attachment // in the order of AttachSource
	noDatapath        string        // see ReportNoDatapath
	stopping          bool
	totalSubscribers  SubscriberCounts
	closedClients     ClientTotals            // of the connections that have ended
	closedStreams     map[string]StreamTotals // of those that have ended, for names that others have, too
	closedStreamsLost uint64                  // of all that have ended

	// Of consumers and listeners, guarded by Mutex.
	guests                             guestWatch
	removed                            []*removedGuest          // oldest first
	removedConsumers, removedListeners RemovedTotals            // Missed by those that are not in removed any more
	closedGuests                       map[guestName]CallTotals // of those that are gone, for names that others have, too
	closing                            []*closing               // listeners that are removed and not closed yet

	watched  chan struct{} // closed when guests are not looked at any more; under Mutex
	watchers sync.WaitGroup

	finished chan struct{} // closed when there will be no more events
	done     chan struct{}
}

// NewAgent starts a new monitor agent, which distributes monitor events to subscribers:
// consumers and listeners that are registered, streams of Subscribe, and clients of a
// socket served by [ServeMonitorAPI].
//
// Once the datapath is set up, AttachToEventsMap needs to be called to receive events
// from the datapath, or AttachToMap or AttachSource to read something else; until then
// only events of SendEvent are distributed. Sources are read only while there are subscribers.
//
// Cancelling ctx stops the agent: see [Agent.Done].
func NewAgent(ctx context.Context, opts ...Option) *Agent {
	a := &Agent{
		ctx:           ctx,
		log:           logrus.StandardLogger(),
		eventsMapPath: DefaultEventsMap,
		queueBytes:    DefaultQueueBytes,
		drainTimeout:  defaultDrainTimeout,
		maxDelay:      DefaultMaxDelay,
		counters:      counters{start: time.Now()},
		health:        health.OrNone(nil),
		closedStreams: make(map[string]StreamTotals),
		closedGuests:  make(map[guestName]CallTotals),
		watched:       make(chan struct{}),
		finished:      make(chan struct{}),
		done:          make(chan struct{}),
	}
	for _, opt := range opts {
		opt(a)
	}
	if a.queueSize < 1 {
		a.queueSize = DefaultQueueSize()
	}
	a.queueBytes = max(a.queueBytes, MinQueueBytes)
	a.maxDelay = min(max(a.maxDelay, MinMaxDelay), MaxMaxDelay)
	a.events = eventlog.New(a.queueSize, a.queueBytes)
	a.dispatch.init(a.queueSize, a.queueBytes/4)
	a.consumers.kind, a.listeners.kind = kindConsumer, kindListener
	a.demand.changed, a.demand.dispatch = a.pushDownLocked, &a.dispatch
	a.demand.packetUses = packetUses{}
	a.enterHistory()
	context.AfterFunc(ctx, a.stop)
	return a
}

// Context returns the context that the agent was made with. It can be used to derive
// others that end when the agent is stopped.
func (a *Agent) Context() context.Context {
	if a == nil {
		return context.Background()
	}
	return a.ctx
}

// Done returns a channel that is closed when everything has ended after the agent's
// context was cancelled: the datapath writes no more, what it had written
// and what was sent is delivered, clients that read were given up to the drain
// time-out to take it, connections and listeners are closed, the socket is
// removed and no goroutine of the agent's is left. It waits for callbacks, so a callback must not
// wait for it; but for a listener's Close no longer than the drain time-out: then health and log say
// that the goroutine which calls it is left. It does not wait for streams, which end by themselves
// when they have what was delivered. The channel of a nil *Agent is closed.
func (a *Agent) Done() <-chan struct{} {
	if a == nil {
		return closedChannel
	}
	return a.done
}

var closedChannel = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// State returns the status of the readers, nil while none runs: while no source is attached, and
// while nobody is subscribed. Lost and Unknown are sums over all sources there were since the agent
// was made; the other fields describe the events map, or the first map of AttachToMap if that
// is not attached, and are 0 if there is neither. A ring buffer is described as that of one CPU.
func (a *Agent) State() *models.MonitorStatus {
	if a == nil {
		return nil
	}
	a.Lock()
	defer a.Unlock()
	for _, at := range a.attachments {
		if at.readingLocked() {
			status := a.MonitorStatus
			return &status
		}
	}
	return nil
}
