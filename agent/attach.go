// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api/models"
)

// MaxPages is the largest size of a perf ring buffer, in pages: it keeps one CPU's ring
// within 256 MiB, with pages of 4 KiB.
const MaxPages = 1 << 16

// EventsMapSource is the name of the source that AttachToEventsMap attaches.
const EventsMapSource = "events-map"

// AttachToEventsMap opens the map that the datapath writes its events to, a perf event array or a ring
// buffer (BPF_MAP_TYPE_RINGBUF), from where it is pinned, and reads it from now on while there are subscribers.
// nPages is the size of the perf ring buffer of each CPU in pages, 1 to [MaxPages]; it is rounded
// up to a power of two. The size of a ring buffer is that of its map. That the rings can't be opened later on is logged, reported to
// Health, and tried again; State is nil in the meantime. The name of the source is
// [EventsMapSource].
//
// An events map has one reader. If there is one already, in this or in any other process, the
// agent does not read until that one is gone, unless [WithTakeOver] says so, and reports who it
// is. Within seconds it notices, too, that another one has taken the map away, that another map is
// pinned at the path, of either type, or that a CPU came online: it reads all of it again as soon as that is possible,
// and until then reports that events are missing. Of a ring buffer that holds for other agents like this
// one; a reader of another make is noticed once it takes events.
//
// A datapath writes into a ring buffer whether somebody reads it or not, until it is full. What it
// wrote before the first subscriber came is passed over.
//
// It is called before or after subscribers come. If it returns an error, nothing
// has changed and it can be called again. It returns [ErrAttached] while the agent is
// attached, [os.ErrNotExist] if nothing is pinned at the path.
func (a *Agent) AttachToEventsMap(nPages int) error {
	if a == nil {
		return ErrNoAgent
	}
	pages, err := ringPages(nPages)
	if err != nil {
		return fmt.Errorf("attach to events map: %w", err)
	}
	a.Lock()
	defer a.Unlock()
	if err := a.attachableLocked(EventsMapSource); err != nil {
		return err
	}
	m, err := ebpf.LoadPinnedMap(a.eventsMapPath, nil)
	if err == nil {
		var src *eventsMap
		if src, err = a.pinnedEventsMap(m, pages); err == nil {
			err = a.attachMapLocked(EventsMapSource, m, src)
		}
		err = errors.Join(err, m.Close())
	}
	if err != nil {
		return fmt.Errorf("open events map %s: %w", a.eventsMapPath, err)
	}
	a.log.WithField("path", a.eventsMapPath).Info("Attached to the events map")
	return nil
}

// AttachToMap reads a perf event array or a ring buffer that need not be pinned, as AttachToEventsMap reads the
// one that is. name names the source in Stats, Health, logs and metrics, and for
// [Agent.Detach]; it differs from the names of other sources that are attached. m stays the
// caller's, who may close it. It returns [ErrAttached] if the name or the map is taken. Of a ring
// buffer, losses in the kernel are unknown: [Agent.AttachToRingBuffer] can be told where they are counted.
func (a *Agent) AttachToMap(name string, m *ebpf.Map, nPages int) error {
	if a == nil {
		return ErrNoAgent
	}
	pages, err := ringPages(nPages)
	if err != nil {
		return fmt.Errorf("attach to map as %q: %w", name, err)
	}
	return a.attachToMap(name, m, pages, RingBufferOptions{})
}

// AttachToRingBuffer reads a ring buffer (BPF_MAP_TYPE_RINGBUF) as AttachToMap does.
func (a *Agent) AttachToRingBuffer(name string, m *ebpf.Map, opts RingBufferOptions) error {
	if a == nil {
		return ErrNoAgent
	}
	if m != nil && m.Type() != ebpf.RingBuf {
		return fmt.Errorf("attach to ring buffer as %q: it is a map of type %s, not a %s", name, m.Type(), ebpf.RingBuf)
	}
	return a.attachToMap(name, m, 0, opts)
}

// attachToMap attaches a map that stays the caller's, as do those in opts.
func (a *Agent) attachToMap(name string, m *ebpf.Map, pages int, opts RingBufferOptions) (err error) {
	a.Lock()
	defer a.Unlock()
	if err := a.attachableLocked(name); err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("attach to map as %q: there is no map", name)
	}
	var own []*ebpf.Map
	defer func() {
		if err == nil {
			a.logAttached(name)
			return
		}
		err = fmt.Errorf("attach to map as %q: %w", name, err)
		for _, m := range own {
			err = errors.Join(err, m.Close())
		}
	}()
	clone := func(m *ebpf.Map) (*ebpf.Map, error) {
		c, err := m.Clone()
		if err == nil {
			own = append(own, c)
		}
		return c, err
	}
	if m, err = clone(m); err != nil {
		return err
	}
	for _, beside := range []**ebpf.Map{&opts.Losses, &opts.Wanted, &opts.Suppressed} {
		if *beside == nil {
			continue
		}
		if *beside, err = clone(*beside); err != nil {
			return err
		}
	}
	src, err := a.ownEventsMap(m, pages, opts)
	if err != nil {
		return err
	}
	return a.attachMapLocked(name, m, src)
}

// AttachSource reads events from src from now on, while there are subscribers, on a goroutine
// of its own, as AttachToMap does from a map. It may be called for any number of sources:
// their events reach all subscribers in one order, each source's in that of its rings. The
// agent owns src if it returns nil, and closes it when it is detached or the agent stops; so a
// source is attached once. Its methods must not call the agent.
func (a *Agent) AttachSource(name string, src source.Source) error {
	if a == nil {
		return ErrNoAgent
	}
	if src == nil || !reflect.ValueOf(src).Comparable() {
		return fmt.Errorf("attach source %q: a %T can't be told apart from others", name, src)
	}
	a.Lock()
	defer a.Unlock()
	if err := a.attachableLocked(name); err != nil {
		return err
	}
	if slices.ContainsFunc(a.attachments, func(at *attachment) bool { return at.source == src }) {
		return fmt.Errorf("attach source %q: %w", name, ErrAttached)
	}
	if err := a.attachLocked(&attachment{name: name, source: src, key: src}); err != nil {
		return fmt.Errorf("attach source %q: %w", name, err)
	}
	a.logAttached(name)
	return nil
}

func (a *Agent) logAttached(name string) {
	a.log.WithField("source", name).Info("Attached to a source of events")
}

// DetachFromEventsMap undoes AttachToEventsMap: it is Detach of [EventsMapSource].
func (a *Agent) DetachFromEventsMap(ctx context.Context) error {
	return a.Detach(ctx, EventsMapSource)
}

// Detach undoes the attachment of a source. Once it returns nil the datapath writes no
// more, and all that it wrote until then has been delivered. A source of that name can be
// attached again.
//
// It waits for callbacks, so a callback must not call it. If ctx ends first it returns ctx's
// error; the detachment goes on. It returns nil if no such source is attached, and
// [ErrStopped] once the agent's context is cancelled, which does the same.
func (a *Agent) Detach(ctx context.Context, name string) error {
	if a == nil {
		return ErrNoAgent
	}
	detached, err := a.detach(name)
	if err != nil {
		return err
	}
	select {
	case <-detached:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("detach source %q: %w", name, ctx.Err())
	}
}

// attachment is a source that is attached to an agent. Fields are set before it is in the
// agent's list, except for those that say who guards them.
type attachment struct {
	name   string
	source source.Source
	key    any        // equal for two attachments of one thing
	events *eventsMap // the source if it is one; else nil
	counts sourceCounters

	// readers are those whose goroutine has not ended. They are added under Agent.Mutex, and
	// none is any more once detaching is set or the agent stops.
	readers sync.WaitGroup

	// Guarded by Agent.Mutex.
	health    cell.Health
	selective bool          // whoever makes the events looks at what is wanted
	untold    error         // why it was not told what is wanted the last time; nil if it was
	uncertain error         // why it is unknown how much was suppressed; nil if it is known
	makesAll  error         // why it does not though it should; nil if it does, or need not
	reader    *reader       // nil while nobody is subscribed
	reading   string        // what the reader reads, for people; empty while it does not
	err       error         // why it does not, or not get all events; nil if there is no reader
	wrong     string        // what err is about, for people
	logged    rareLine      // of err
	uncounted bool          // nobody counts the losses in the kernel
	limited   uint64        // events that the rate limit suppressed since the rings were checked last
	detaching chan struct{} // closed when the detachment is done; nil before it begins
}

// readingLocked tells whether its rings are open. The caller holds Agent.Mutex.
func (at *attachment) readingLocked() bool { return at.reader != nil && at.reader.running() }

// ringPages returns the number of pages, a power of two, of rings that are to have n.
func ringPages(n int) (int, error) {
	if n < 1 || n > MaxPages {
		return 0, fmt.Errorf("%d pages, allowed are 1 to %d", n, MaxPages)
	}
	return 1 << bits.Len(uint(n-1)), nil
}

// attachableLocked returns an error if no source of that name can be attached. The caller holds
// a.Mutex.
func (a *Agent) attachableLocked(name string) error {
	switch {
	case name == "":
		return errors.New("attach source: it has no name")
	case name == subscribersScope:
		return fmt.Errorf("attach source: the name %q is taken by the health of subscribers", name)
	case a.stopping || a.ctx.Err() != nil:
		return ErrStopped
	case a.attachedLocked(name) != nil && name == EventsMapSource:
		return ErrAttached
	case a.attachedLocked(name) != nil:
		return fmt.Errorf("attach source %q: %w", name, ErrAttached)
	}
	return nil
}

// attachMapLocked attaches a map, which src reads. The caller holds a.Mutex.
func (a *Agent) attachMapLocked(name string, m *ebpf.Map, src *eventsMap) error {
	info, err := m.Info()
	if err != nil {
		return fmt.Errorf("get its id: %w", err)
	}
	id, _ := info.ID()
	return a.attachLocked(&attachment{name: name, source: src, key: id, events: src})
}

// attachLocked attaches a source and begins to read it. The caller holds a.Mutex.
func (a *Agent) attachLocked(added *attachment) error {
	for _, at := range a.attachments {
		if at.detaching == nil && at.key == added.key {
			return fmt.Errorf("%w: it is source %q", ErrAttached, at.name)
		}
	}
	added.health = a.health.NewScope(added.name)
	a.attachments = append(a.attachments, added)
	a.updateAttachedLocked()
	a.startReadersLocked()
	if added.reader == nil {
		a.reportIdleLocked(added)
	}
	return nil
}

// attachedLocked returns the attachment of that name that is not being detached. The caller
// holds a.Mutex.
func (a *Agent) attachedLocked(name string) *attachment {
	for _, at := range a.attachments {
		if at.name == name && at.detaching == nil {
			return at
		}
	}
	return nil
}

// detach begins a detachment, and returns a channel that is closed when it is done.
func (a *Agent) detach(name string) (<-chan struct{}, error) {
	a.Lock()
	defer a.Unlock()
	if a.stopping {
		return nil, ErrStopped
	}
	at := a.attachedLocked(name)
	if at == nil {
		for _, at := range a.attachments {
			if at.name == name {
				return at.detaching, nil
			}
		}
		return closedChannel, nil
	}
	var before []chan struct{} // what at waited for to be read has to be gone first
	for _, other := range a.attachments {
		if other.precedesLocked(at) {
			before = append(before, other.detaching)
		}
	}
	at.detaching = make(chan struct{})
	if at.reader != nil {
		at.reader.drainAndStop()
	}
	go func() { // Agent.stop waits for detaching
		at.readers.Wait()
		for _, detached := range before {
			<-detached
		}
		a.Lock()
		defer a.Unlock()
		a.removeLocked(at)
		a.startReadersLocked() // if the same was attached again in the meantime
	}()
	return at.detaching, nil
}

// removeLocked is the end of an attachment whose readers have ended. The caller holds a.Mutex.
func (a *Agent) removeLocked(at *attachment) {
	if err := at.source.Close(); err != nil {
		a.log.WithError(err).WithField("source", at.name).Warn("Closing a source of events failed")
	}
	a.attachments = slices.DeleteFunc(slices.Clone(a.attachments), func(other *attachment) bool { return other == at })
	a.updateAttachedLocked()
	at.health.Close()
	if next := a.attachedLocked(at.name); next != nil { // whose scope was that of the same name
		next.health = a.health.NewScope(next.name)
		a.reportIdleLocked(next)
	}
	a.reportLocked()
	close(at.detaching)
}

// precededLocked tells whether something has to be gone before at can be read. The caller
// holds a.Mutex.
func (a *Agent) precededLocked(at *attachment) bool {
	return slices.ContainsFunc(a.attachments, func(other *attachment) bool { return other.precedesLocked(at) })
}

// precedesLocked tells whether at is being detached and has to be gone before next can be read: it
// reads the same map, or has the same name. The caller holds Agent.Mutex.
func (at *attachment) precedesLocked(next *attachment) bool {
	return at != next && at.detaching != nil && (at.key == next.key || at.name == next.name)
}

// maxBatch is the largest number of records that are delivered at once.
const maxBatch = 256

// updateAttachedLocked brings up to date what follows from what is attached. MonitorStatus
// describes the map that was attached first; the events map if that is attached.
// All sources together deliver no more at once than a part of the queue, so that clients which
// are up to date do not miss anything before they are written to. The caller holds a.Mutex.
func (a *Agent) updateAttachedLocked() {
	a.batchLimit.Store(int64(min(maxBatch, max(1, a.queueSize/4/max(1, len(a.attachments))))))
	var first *attachment
	for _, at := range a.attachments {
		if at.detaching == nil && at.events != nil && (first == nil || at.name == EventsMapSource) {
			first = at
		}
	}
	var status models.MonitorStatus
	if first != nil {
		status = first.events.status
	}
	a.Cpus, a.Npages, a.Pagesize = status.Cpus, status.Npages, status.Pagesize
}
