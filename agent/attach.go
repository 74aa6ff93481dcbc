// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"os"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/api/models"
)

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
// It is called before or after subscribers come. If it returns an error, nothing
// has changed and it can be called again. It returns [ErrAttached] while the agent is
// attached, [os.ErrNotExist] if nothing is pinned at the path.
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
	a.eventsMap, a.pages = m, ringPages(nPages)
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

// DetachFromEventsMap undoes AttachToEventsMap. Once it returns nil the datapath writes no
// more, and all that it wrote until then has been distributed. The agent can be attached
// again.
//
// It waits for callbacks, so a callback must not call it. If ctx ends first it returns ctx's
// error; the detachment goes on. It returns nil if the agent is not attached, and
// [ErrStopped] once the agent's context is cancelled, which does the same.
func (a *Agent) DetachFromEventsMap(ctx context.Context) error {
	if a == nil {
		return ErrNoAgent
	}
	detached, err := a.detach()
	if err != nil {
		return err
	}
	select {
	case <-detached:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("detach from events map %s: %w", a.eventsMapPath, ctx.Err())
	}
}

// detach begins a detachment, and returns a channel that is closed when it is done.
func (a *Agent) detach() (<-chan struct{}, error) {
	a.Lock()
	defer a.Unlock()
	if a.stopping {
		return nil, ErrStopped
	}
	r, m := a.reader, a.eventsMap
	if m == nil {
		return a.detached, nil
	}
	a.eventsMap = nil // for readers to come
	if r == nil {
		m.Close()
		a.idle()
		return closedChannel, nil
	}
	r.drainAndStop()
	detached := make(chan struct{})
	a.detached = detached
	a.goroutines.Go(func() {
		defer close(detached)
		<-r.ended
		a.Lock()
		defer a.Unlock()
		m.Close()
		if a.reader == r {
			a.reader = nil
			a.idle()
			a.startReader() // if it was attached again in the meantime
		}
	})
	return detached, nil
}
