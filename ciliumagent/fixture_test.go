// SPDX-License-Identifier: Apache-2.0

package ciliumagent_test

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	ciliummonitor "github.com/cilium/cilium/pkg/monitor/agent"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/ciliumagent"
	"github.com/cilium/monitor/testutils"
)

// fixture is an agent, as both sides see it, that reads a datapath.
type fixture struct {
	ciliummonitor.Agent
	ours *agent.Agent
	gen  *testutils.Generator
	stop func() // also waits for its end
}

// unattached is an agent without a datapath.
func unattached(t testing.TB, opts ...agent.Option) *fixture {
	ctx, cancel := context.WithCancel(context.Background())
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	ours := agent.NewAgent(ctx, append(opts, agent.WithLogger(quiet))...)
	f := &fixture{Agent: ciliumagent.New(ours), ours: ours, stop: func() { cancel(); <-ours.Done() }}
	t.Cleanup(f.stop)
	return f
}

// attached is an agent whose rings have that many pages.
func attached(t testing.TB, pages int) *fixture {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading BPF programs needs root")
	}
	gen, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gen.Close()) })
	pin := testutils.EventsMapPath(t)
	require.NoError(t, gen.Pin(pin))
	f := unattached(t, agent.WithEventsMap(pin))
	f.gen = gen
	require.NoError(t, f.AttachToEventsMap(pages))
	return f
}

// timeout is how long a test waits for what has to happen, however slow the machine.
const timeout = time.Minute
