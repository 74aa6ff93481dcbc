// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/models"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/listener"
)

var (
	// ErrNoAgent is returned by methods of a nil *Agent.
	ErrNoAgent = errors.New("there is no monitor agent")

	// ErrStopped is returned once the agent's context is cancelled.
	ErrStopped = errors.New("the monitor agent is stopped")

	// ErrAttached is returned by AttachToEventsMap if the agent is attached.
	ErrAttached = errors.New("the monitor agent is attached to an events map already")

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
	ctx           context.Context
	log           logrus.FieldLogger
	health        cell.Health
	eventsMapPath string
	queueSize     int
	drainTimeout  time.Duration

	events *eventlog.Log // appended to by who holds turn
	turn   turn

	consumers subscribers[consumer.MonitorConsumer]
	listeners subscribers[listener.MonitorListener]
	servers   subscribers[*server]

	connections atomic.Int64 // of all servers; changed under Mutex

	// Guarded by Mutex.
	eventsMap *ebpf.Map // nil until attached
	pages     int
	reader    *reader // nil while nobody is subscribed, or nothing attached
	stopping  bool

	goroutines sync.WaitGroup // readers and turn-takers
	done       chan struct{}
}

// NewAgent starts a new monitor agent, which distributes monitor events to subscribers:
// consumers and listeners that are registered, and clients of a socket served by
// [ServeMonitorAPI].
//
// Once the datapath is set up, AttachToEventsMap needs to be called to receive events
// from the perf ring buffer; until then only events of SendEvent are distributed.
// The perf ring buffer is read only while there are subscribers.
//
// Cancelling ctx stops the agent: see [Agent.Done].
func NewAgent(ctx context.Context, opts ...Option) *Agent {
	a := &Agent{
		ctx:           ctx,
		log:           logrus.StandardLogger(),
		eventsMapPath: DefaultEventsMap,
		drainTimeout:  defaultDrainTimeout,
		done:          make(chan struct{}),
	}
	for _, opt := range opts {
		opt(a)
	}
	if a.queueSize < 1 {
		a.queueSize = DefaultQueueSize()
	}
	a.events = eventlog.New(a.queueSize)
	a.turn.init(a.queueSize)
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
// and what was sent is distributed, clients that read were given up to the drain
// time-out to take it, connections and listeners are closed, the socket is
// removed and no goroutine is left. It waits for callbacks, so a callback must not wait
// for it. The channel of a nil *Agent is closed.
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

// maxPages keeps one CPU's ring within 256 MiB, with pages of 4 KiB.
const maxPages = 1 << 16

// AttachToEventsMap opens the perf event array that the datapath writes its events to,
// from where it is pinned, and reads it from now on while there are subscribers.
// nPages is the size of the ring buffer of each CPU in pages, 1 to 65536; it is rounded
// up to a power of two. That the rings can't be opened later on is logged, reported to
// Health, and tried again; State is nil in the meantime.
//
// A perf event array has one reader: another one, in this or in any other process, takes
// the events away from this agent. CPUs that are offline when reading begins are not read
// until it begins anew.
//
// It is called once, before or after subscribers come. If it returns an error, nothing
// has changed and it can be called again. It returns [ErrAttached] if it
// succeeded before, [os.ErrNotExist] if nothing is pinned at the path.
func (a *Agent) AttachToEventsMap(nPages int) error {
	if a == nil {
		return ErrNoAgent
	}
	if nPages < 1 || nPages > maxPages {
		return fmt.Errorf("attach to events map: %d pages, allowed are 1 to %d", nPages, maxPages)
	}
	a.Lock()
	defer a.Unlock()
	if a.stopping {
		return ErrStopped
	}
	if a.eventsMap != nil {
		return ErrAttached
	}
	m, err := ebpf.LoadPinnedMap(a.eventsMapPath, nil)
	if err != nil {
		return fmt.Errorf("open events map %s: %w", a.eventsMapPath, err)
	}
	if m.Type() != ebpf.PerfEventArray {
		m.Close()
		return fmt.Errorf("open events map %s: it is a map of type %s, not a %s", a.eventsMapPath, m.Type(), ebpf.PerfEventArray)
	}
	a.eventsMap, a.pages = m, 1<<bits.Len(uint(nPages-1))
	a.MonitorStatus = models.MonitorStatus{
		Cpus:     int64(m.MaxEntries()),
		Npages:   int64(a.pages),
		Pagesize: int64(os.Getpagesize()),
	}
	a.log.WithField("path", a.eventsMapPath).Info("Attached to the events map")
	a.startReader()
	if a.reader == nil {
		a.idle()
	}
	return nil
}

// State returns the status of the reader of the perf ring buffer, nil while none
// runs: before AttachToEventsMap, and while nobody is subscribed.
func (a *Agent) State() *models.MonitorStatus {
	if a == nil {
		return nil
	}
	a.Lock()
	defer a.Unlock()
	return a.state()
}

// state is State. The caller holds a.Mutex.
func (a *Agent) state() *models.MonitorStatus {
	if a.reader == nil || !a.reader.running() {
		return nil
	}
	status := a.MonitorStatus
	return &status
}
