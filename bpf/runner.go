// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cilium/monitor/metrics"
)

// runner keeps a datapath from each start of the hive to its stop.
type runner struct {
	log    *slog.Logger
	health cell.Health
	opts   Options

	registerer prometheus.Registerer // nil if there is none

	// Used by the hooks only.
	datapath  *Datapath
	collector prometheus.Collector // nil if it is not registered

	// Guarded by mu.
	mu      sync.Mutex
	running chan struct{} // closed while the datapath runs
	lost    error         // to which devices it is not attached
}

// Start implements cell.HookInterface.
func (r *runner) Start(cell.HookContext) (err error) {
	r.health.OK("Attached to " + strings.Join(r.opts.Devices, ", "))
	opts := r.opts
	opts.DevicesChanged = r.devicesChanged
	r.datapath, err = Load(opts)
	if err != nil {
		r.health.Degraded("The embedded datapath did not start", err)
		return err
	}
	r.log.Info("Embedded datapath attached",
		"devices", r.opts.Devices, "deny", r.opts.Deny, "eventsMap", r.opts.EventsMap)
	if err := r.datapath.withoutStates; err != nil {
		r.log.Info("Traces do not have the state of all connections that the kernel tracks", "error", err)
	}
	if r.datapath.tookOver {
		r.log.Warn("Taking over the events map that another agent left pinned; if that one still runs, its events come here: without CAP_SYS_ADMIN nobody can tell",
			"eventsMap", r.opts.EventsMap)
	}

	if r.registerer != nil {
		collector := metrics.NewTrafficCollector(r.datapath.Traffic)
		if err := r.registerer.Register(collector); err != nil {
			return errors.Join(fmt.Errorf("register the metrics of the devices: %w", err), r.datapath.Close())
		}
		r.collector = collector
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

	if r.collector != nil {
		r.registerer.Unregister(r.collector)
		r.collector = nil
	}
	err := r.datapath.Close()
	r.health.Stopped("Detached from all devices")
	return err
}

// devicesChanged tells people whether the datapath is attached to all devices.
func (r *runner) devicesChanged(lost error) {
	if lost != nil {
		r.log.Warn("The embedded datapath is not attached to all devices, it will try again", "error", lost)
		r.health.Degraded("Not attached to all devices", lost)
	} else {
		r.log.Info("Embedded datapath attached to all devices again", "devices", r.opts.Devices)
		r.health.OK("Attached to " + strings.Join(r.opts.Devices, ", "))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = lost
}

// check is a monitor.DatapathCheck.
func (r *runner) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
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
