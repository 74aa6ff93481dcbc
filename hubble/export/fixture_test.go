// SPDX-License-Identifier: Apache-2.0

package export_test

import (
	"context"
	"io"
	"sync"
	"testing"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/hubble/export"
	"github.com/cilium/monitor/hubble/flow"
)

// newAgent returns an agent without a datapath, whose events are those that tests send: it treats them as any other.
func newAgent(t testing.TB, opts ...agent.Option) *agent.Agent {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	a := agent.NewAgent(ctx, append(opts, agent.WithLogger(quiet))...)
	t.Cleanup(func() { cancel(); <-a.Done() })
	return a
}

// all exports the events of an agent that are flows.
func all(t testing.TB, a *agent.Agent) export.Options {
	t.Helper()
	everything, err := export.NewFilter("{}", "")
	require.NoError(t, err)
	return export.Options{
		Name: "test", Agent: a, Decoder: flow.NewDecoder(flow.Options{NodeName: "here/node"}), Filter: everything, NodeName: "here/node",
	}
}

// fakeSink keeps what it gets. It takes one event for each that is sent to next, or all if that is nil, and after its context's
// end none.
type fakeSink struct {
	next chan struct{}

	mu     sync.Mutex // guards what follows
	told   uint64
	events []*observerpb.ExportEvent
	stats  export.SinkStats
}

func (s *fakeSink) Export(ctx context.Context, ev *observerpb.ExportEvent) {
	taken := true
	if s.next != nil {
		select {
		case <-s.next:
		case <-ctx.Done():
			taken = false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !taken:
		s.stats.Lost++
	case ev.GetFlow() != nil:
		s.stats.Exported++
		s.events = append(s.events, ev)
	default:
		s.told += ev.GetLostEvents().GetNumEventsLost()
		s.events = append(s.events, ev)
	}
}

func (s *fakeSink) Stats() export.SinkStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}
