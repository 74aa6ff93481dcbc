// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// datapath writes events for an agent.
type datapath struct {
	*testutils.FakeDatapath
	t       *testing.T
	flag    string
	written uint64 // drops, numbered from 1 on
}

func newDatapath(t *testing.T) *datapath {
	t.Helper()
	path := testutils.EventsMapPath(t)
	d := &datapath{FakeDatapath: testutils.NewFakeDatapath(t, path), t: t, flag: "--monitor-events-map=" + path}
	require.NoError(t, d.BecomeReady())
	return d
}

// emit writes an event, and tells whether somebody reads.
func (d *datapath) emit(sample []byte) bool {
	d.t.Helper()
	counters, err := d.EmitSample(sample, 1)
	require.NoError(d.t, err)
	require.Zero(d.t, counters.NoSpace)
	return counters.NoReader == 0
}

// waitRead waits until somebody reads. What is written until then nobody gets.
func (d *datapath) waitRead() {
	d.t.Helper()
	trace := (&api.TraceNotify{Type: api.MessageTypeTrace, Version: 2}).Append(nil)
	waitUntil(d.t, func() bool { return d.emit(trace) }, "nobody reads the events")
}

// drop writes so many drops, with their number as source identity.
func (d *datapath) drop(n int) {
	d.t.Helper()
	for range n {
		d.written++
		require.True(d.t, d.emit((&api.DropNotify{
			Type: api.MessageTypeDrop, SubType: 133, Version: 3, SrcLabel: api.NumericIdentity(d.written), File: 2, Line: 42,
		}).Append(nil)))
	}
}

// sums returns how many drops there are among records, each once, and how many events they tell that are lost.
func sums(t *testing.T, records []record) (drops, lost uint64) {
	t.Helper()
	seen, told := map[int64]bool{}, map[time.Time]bool{}
	for _, r := range records {
		switch r.event {
		case "hubble.flow":
			require.Equal(t, "drop", r.attributes["hubble.event_type"])
			seen[r.attributes["hubble.source.identity"].(int64)] = true
		case "hubble.lost_events":
			if !told[r.at] { // a batch whose answer was lost comes twice
				told[r.at] = true
				lost += uint64(r.attributes["hubble.lost.count"].(int64))
			}
		default:
			require.Fail(t, "an unknown event", r.event)
		}
	}
	return uint64(len(seen)), lost
}

// TestDropsAndVerdicts has drops, traces and policy verdicts: what arrives are the drops and verdicts, each once, with attributes
// that the documentation has.
func TestDropsAndVerdicts(t *testing.T) {
	page, err := os.ReadFile("../../../docs/export.md")
	require.NoError(t, err)
	overEach(t, func(t *testing.T, c *collector) {
		c.come(t)
		d := newDatapath(t)
		m := startMonitor(t, c, d.flag)
		d.waitRead()
		d.drop(3)
		d.emit((&api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, Version: 1, Verdict: -133, Flags: 1, Proto: 17, RemoteLabel: 7}).Append(nil))
		d.emit((&api.TraceNotify{Type: api.MessageTypeTrace, Version: 2}).Append(nil))
		d.drop(2)
		c.wait(t, "for some", func(all []record) bool { return len(all) > 0 })
		m.end()
		require.Zero(t, m.ProcessState.ExitCode())
		var types []any
		for _, r := range c.records {
			require.Equal(t, "hubble.flow", r.event)
			types = append(types, r.attributes["hubble.event_type"])
			for key := range r.attributes {
				general := strings.NewReplacer("hubble.source.", "", "hubble.destination.", "").Replace(key)
				require.Contains(t, string(page), "`"+general+"`")
			}
		}
		require.Equal(t, []any{"drop", "drop", "drop", "policy-verdict", "drop", "drop"}, types)
		first := c.records[0]
		require.Equal(t, "Warn", first.severity)
		require.Equal(t, "? -> ? DROPPED POLICY_DENIED", first.body)
		require.Equal(t, "hubble", first.resource["service.name"])
		require.Equal(t, "node", first.resource["host.name"])
		require.Equal(t, int64(1), first.attributes["hubble.source.identity"])
		require.Equal(t, "POLICY_DENIED", first.attributes["hubble.drop_reason.name"])
		require.Equal(t, "bpf_lxc.c:42", first.attributes["hubble.drop.source_file"])
	})
}

// TestAwayAndBack has a collector that comes late, goes, and comes back: what it got and what it was told lost are all that
// there were, and the agent keeps no more meanwhile than its queue has room for.
func TestAwayAndBack(t *testing.T) {
	const queue, many = 256, 4000
	overEach(t, func(t *testing.T, c *collector) {
		d := newDatapath(t)
		m := startMonitor(t, c, d.flag, "--monitor-queue-size=256", "--history=none")
		all := func(records []record) bool {
			drops, lost := sums(t, records)
			return drops+lost >= d.written
		}
		d.waitRead()
		d.drop(many)
		before := m.memory()
		for range 3 {
			d.drop(many)
		}
		grown := m.memory() - before
		require.Less(t, grown, 8<<20)
		c.come(t)
		_, lost := sums(t, c.wait(t, "for all drops", all))
		require.GreaterOrEqual(t, lost, d.written-queue-1024) // a batch, and what is on its way there, is not in the queue

		d.drop(100)
		c.wait(t, "for all drops", all)
		c.leave(t)
		d.drop(many)
		c.come(t)
		c.wait(t, "for all drops", all)
		m.end()
		require.Zero(t, m.ProcessState.ExitCode())
		drops, lost := sums(t, c.records)
		require.Equal(t, d.written, drops+lost)
		t.Logf("%d written, %d arrived, %d told lost; %d bytes more in memory while it was away", d.written, drops, lost, grown)
	})
}

// TestOwnTraffic observes the device that it sends on: flows of its connection are left out, so that sending does not go on by
// itself.
func TestOwnTraffic(t *testing.T) {
	overEach(t, func(t *testing.T, c *collector) {
		c.come(t)
		_, port, err := net.SplitHostPort(c.address)
		require.NoError(t, err)
		startMonitor(t, c, "--device=lo", "--monitor-events-map="+testutils.EventsMapPath(t), "--hubble-otlp-allowlist={}")
		conn, err := net.Dial("udp", "127.0.0.1:9999")
		require.NoError(t, err)
		defer conn.Close()
		for range 6 { // each time a batch has come
			had := len(packets(c.all(), "9999"))
			waitUntil(t, func() bool {
				_, _ = conn.Write([]byte("x")) // nobody listens: the next one fails
				return len(packets(c.all(), "9999")) > had
			}, "packets were not sent")
		}
		require.LessOrEqual(t, len(packets(c.all(), port)), 6) // the handshake, before the connection is known
	})
}

// packets returns the records of packets from or to a port.
func packets(records []record, port string) (some []record) {
	for _, r := range records {
		if strings.Contains(r.body, ":"+port+" ") {
			some = append(some, r)
		}
	}
	return some
}
