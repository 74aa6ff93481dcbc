// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"context"
	"log/slog"
	"sync"

	"github.com/cilium/hive/cell"
)

// runner keeps a datapath from each start of the hive to its stop.
type runner struct {
	log      *slog.Logger
	opts     Options
	datapath *Datapath // used by the hooks only

	mu      sync.Mutex
	running chan struct{} // closed while the datapath runs; guarded by mu
}

// Start implements cell.HookInterface.
func (r *runner) Start(cell.HookContext) (err error) {
	r.datapath, err = Load(r.opts)
	if err != nil {
		return err
	}
	r.log.Info("Embedded datapath attached",
		"devices", r.opts.Devices, "deny", r.opts.Deny, "eventsMap", r.opts.EventsMap)
	if r.datapath.pin == nil {
		r.log.Warn("Taking over the events map that another agent left pinned; if that one still runs, its events come here: without CAP_SYS_ADMIN nobody can tell",
			"eventsMap", r.opts.EventsMap)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.running)
	return nil
}

// Stop implements cell.HookInterface.
func (r *runner) Stop(cell.HookContext) error {
	r.mu.Lock()
	r.running = make(chan struct{})
	r.mu.Unlock()

	return r.datapath.Close()
}

// ready is a monitor.DatapathReady. A datapath that can't start fails the start of
// the hive, so the only error here is the context's.
func (r *runner) ready(ctx context.Context) error {
	r.mu.Lock()
	running := r.running
	r.mu.Unlock()

	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
