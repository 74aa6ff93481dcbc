// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/listener"
	"github.com/cilium/monitor/testutils"
)

// TestOneOrder checks that consumers, listeners and clients see events of all sources in
// the same order, that events of one CPU and of one sender keep theirs, and that an event
// which a consumer sends from a callback comes after the one it is called for.
func TestOneOrder(t *testing.T) {
	t.Run("perf", func(t *testing.T) { testOneOrder(t, testutils.GeneratorOptions{}) })
	t.Run("ringbuf", func(t *testing.T) { testOneOrder(t, testutils.GeneratorOptions{RingBufferSize: 1 << 24}) })
}

func testOneOrder(t *testing.T, kind testutils.GeneratorOptions) {
	f := startOn(t, kind, nil, agent.WithQueueSize(1<<16))
	require.NoError(t, f.AttachToEventsMap(4096)) // has room for everything
	first, second := &orderConsumer{}, &orderConsumer{}
	first.onAgentEvent = func(text string) {
		if !first.replied[text] && len(text) > 0 && text[0] != '@' {
			first.replied[text] = true
			assert.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("@"+text)))
		}
	}
	first.replied = map[string]bool{}
	f.RegisterNewConsumer(first)
	f.RegisterNewConsumer(second)
	l := &orderListener{}
	f.RegisterNewListener(l)
	c := newClient(f.dial(t))
	c.keep = true
	c.read(t)

	const senders, each = 4, 200
	var sources sync.WaitGroup
	for cpu := range runtime.NumCPU() {
		sources.Go(func() {
			for range 50 {
				assert.NoError(t, testutils.OnCPU(cpu, func() error { return f.gen.EmitTrace(64) }))
			}
		})
	}
	for s := range senders {
		sources.Go(func() {
			for i := range each {
				assert.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage(fmt.Sprintf("%d/%03d", s, i))))
			}
		})
	}
	sources.Wait()
	want := f.emitted(t) + 2*senders*each
	eventually(t, func() bool { return c.total() == want }, "the client has %d events of %d", c.total(), want)
	f.stop()

	counters, err := f.gen.Counters()
	require.NoError(t, err)
	require.Zero(t, counters.NoSpace, "the rings were to be large enough")
	require.Zero(t, c.unordered)
	require.Zero(t, c.missing)
	require.Len(t, first.seen, int(want))
	require.Equal(t, first.seen, second.seen)
	require.Equal(t, first.seen, l.seen)
	require.Equal(t, first.seen, describe(c.events))

	for s := range senders {
		place := -1
		for i := range each {
			text := fmt.Sprintf("%d/%03d", s, i)
			at := slices.Index(first.seen, text)
			require.Greater(t, at, place, "events of one sender are in order")
			require.Greater(t, slices.Index(first.seen, "@"+text), at, "a reply follows")
			place = at
		}
	}
}

// orderConsumer writes down what it gets. It is called by one goroutine at a time.
type orderConsumer struct {
	seen         []string
	onAgentEvent func(text string)
	replied      map[string]bool
}

func (c *orderConsumer) NotifyAgentEvent(_ int, message any) {
	text := message.(api.AgentNotifyMessage).Notification.(string)
	c.seen = append(c.seen, text)
	if c.onAgentEvent != nil {
		c.onAgentEvent(text)
	}
}

func (c *orderConsumer) NotifyPerfEvent(data []byte, _ int) {
	c.seen = append(c.seen, describe([][]byte{data})...)
}

func (c *orderConsumer) NotifyPerfEventLost(uint64, int) { c.seen = append(c.seen, "lost") }

type orderListener struct{ seen []string }

func (l *orderListener) Enqueue(pl *payload.Payload) {
	if pl.Type == payload.RecordLost {
		l.seen = append(l.seen, "lost")
		return
	}
	l.seen = append(l.seen, describe([][]byte{pl.Data})...)
}
func (l *orderListener) Version() listener.Version { return listener.Version1_2 }
func (l *orderListener) Close()                    {}

// describe names samples: the text of agent events, the header and number of traces.
func describe(samples [][]byte) []string {
	var names []string
	for _, data := range samples {
		var notify api.AgentNotify
		if cpu, number, ok := traceNumber(data); ok && data[0] == api.MessageTypeTrace {
			names = append(names, fmt.Sprintf("trace %x %d of CPU %d", data[:testutils.TraceHeaderLen], number, cpu))
		} else if err := notify.Decode(data); err != nil {
			names = append(names, err.Error())
		} else {
			names = append(names, strings.Trim(notify.Text, `"`))
		}
	}
	return names
}
