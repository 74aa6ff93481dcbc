// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/health"
)

// An attempt to attach that failed is made again after this long, and after twice as
// long each time it fails again.
const (
	minAttachDelay = 100 * time.Millisecond
	maxAttachDelay = time.Second
)

type attachParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Config    AgentConfig
	Agent     *agent.Agent
	Datapath  DatapathReady `optional:"true"`
	Slog      *slog.Logger
	Logrus    logrus.FieldLogger `optional:"true"`
	Health    cell.Health        `optional:"true"`
}

// attach attaches the agent to the events map once the datapath is ready, without
// holding up the start, and detaches it first thing on stop.
func attach(p attachParams) {
	t := attacher{
		agent:  p.Agent,
		ready:  p.Datapath,
		pages:  p.Config.MonitorBufferPages,
		log:    newLogger(p.Logrus, p.Slog),
		health: health.OrNone(p.Health).NewScope("datapath"),
	}
	var stop context.CancelFunc
	var ended chan struct{}
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			var ctx context.Context
			ctx, stop = context.WithCancel(p.Agent.Context())
			ended = make(chan struct{})
			go func() {
				defer close(ended)
				t.run(ctx)
			}()
			return nil
		},
		OnStop: func(ctx cell.HookContext) error {
			stop()
			select {
			case <-ended:
			case <-ctx.Done():
				return fmt.Errorf("stop waiting for the datapath: its DatapathReady does not return: %w", ctx.Err())
			}
			if err := t.agent.DetachFromEventsMap(ctx); err != nil {
				return err
			}
			t.health.Stopped("Detached from the events map")
			return nil
		},
	})
}

// attacher waits for the datapath and attaches the agent to its events map.
type attacher struct {
	agent  *agent.Agent
	ready  DatapathReady // nil if there is no datapath
	pages  int
	log    logrus.FieldLogger
	health cell.Health
}

func (t *attacher) run(ctx context.Context) {
	if t.ready == nil {
		t.log.Info("There is no datapath in this program: the monitor has agent events only, unless a source of events is attached")
		t.health.OK("There is no datapath, agent events only (unless a source is attached)")
		return
	}
	t.health.Degraded("Waiting for the datapath", nil)
	if !t.awaitDatapath(ctx) {
		return
	}
	said := "" // what was logged
	for delay := minAttachDelay; ; delay = min(2*delay, maxAttachDelay) {
		err := t.agent.AttachToEventsMap(t.pages)
		if err == nil || errors.Is(err, agent.ErrAttached) {
			t.health.OK("Attached to the events map")
			return
		}
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said {
			said = text
			t.log.WithError(err).WithField("retry-in", delay).Error("Attaching the monitor to the events map failed")
		}
		t.health.Degraded("Attaching to the events map failed", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
}

// awaitDatapath waits until the datapath is ready, and asks again if it failed: what stands in the
// way may go away. It returns false if ctx ends first.
func (t *attacher) awaitDatapath(ctx context.Context) bool {
	said := "" // what was logged
	for delay := minAttachDelay; ; delay = min(2*delay, maxAttachDelay) {
		err := t.ready(ctx)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			return true
		}
		if text := err.Error(); text != said {
			said = text
			t.log.WithError(err).Error("The datapath failed: the monitor has agent events only")
		}
		t.health.Degraded("The datapath failed, agent events only", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(delay):
		}
	}
}
