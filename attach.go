// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/health"
	"github.com/cilium/monitor/internal/hivelog"
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
		path:   p.Config.MonitorEventsMap,
		pages:  p.Config.MonitorBufferPages,
		log:    hivelog.New(p.Logrus, p.Slog, "monitor-agent"),
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
	path   string        // of the events map
	pages  int
	log    logrus.FieldLogger
	health cell.Health
}

func (t *attacher) run(ctx context.Context) {
	if t.ready == nil {
		t.log.Info("There is no datapath in this program: the monitor has agent events only, unless a source of events is attached")
		t.health.OK("There is no datapath, agent events only (unless a source is attached)")
		t.agent.ReportNoDatapath("there is no datapath in this program, so there are events of user space only")
		return
	}
	endWaiting := t.reportWaiting(ctx)
	defer endWaiting()
	t.agent.ReportNoDatapath("there are no events of a datapath yet: waiting for one to pin its events map at " + t.path)
	ready := t.retry(ctx, "The datapath failed, agent events only", func() error {
		defer endWaiting()
		return t.ready(ctx)
	}, func(err error, _ time.Duration) {
		t.log.WithError(err).Error("The datapath failed: the monitor has agent events only")
		t.agent.ReportNoDatapath(fmt.Sprintf("there are no events of the datapath: it failed: %v", err))
	})
	if !ready {
		return
	}
	attached := t.retry(ctx, "Attaching to the events map failed", t.attach, func(err error, delay time.Duration) {
		t.log.WithError(err).WithField("retry-in", delay).Error("Attaching the monitor to the events map failed")
		t.agent.ReportNoDatapath(fmt.Sprintf("there are no events of the datapath: attaching to its events map failed: %v", err))
	})
	if attached {
		t.health.OK("Attached to the events map")
	}
}

// errNotReady is what is wrong while the datapath is waited for. Health of Cilium's hive takes no degradation without an error.
var errNotReady = errors.New("it is not ready yet")

// reportWaiting reports that the datapath is waited for, until end is called. Nothing is wrong with that while another source is
// attached: that of an agent which tells what the kernel drops, on a host without a datapath.
func (t *attacher) reportWaiting(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	t.health.Degraded("Waiting for the datapath", errNotReady)
	go func() {
		defer close(ended)
		others := ""
		for delay := minAttachDelay; ; delay = min(2*delay, maxAttachDelay) {
			names := sourceNames(t.agent)
			switch {
			case names == others:
			case names == "":
				t.health.Degraded("Waiting for the datapath", errNotReady)
			default:
				t.health.OK("Waiting for the datapath, without it there is " + names)
			}
			others = names
			select {
			case <-ctx.Done():
				return
			case <-time.After(delay):
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// sourceNames returns the names of the sources that are attached.
func sourceNames(a *agent.Agent) string {
	var names []string
	for _, s := range a.Stats().Sources {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

func (t *attacher) attach() error {
	if err := t.agent.AttachToEventsMap(t.pages); !errors.Is(err, agent.ErrAttached) {
		return err
	}
	return nil
}

// retry calls try until it returns nil: what stands in the way may go away. As long as it fails the
// health is degraded; log is called for each error that is another one than before. It returns false
// if ctx ends first.
func (t *attacher) retry(ctx context.Context, degraded string, try func() error, log func(err error, delay time.Duration)) bool {
	logged := ""
	for delay := minAttachDelay; ; delay = min(2*delay, maxAttachDelay) {
		err := try()
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		}
		if text := err.Error(); text != logged {
			logged = text
			log(err, delay)
		}
		t.health.Degraded(degraded, err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(delay):
		}
	}
}
