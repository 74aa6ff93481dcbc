// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// joined is what a stream of events becomes: what is printed before the last Flush, and after; and how many things
// were, as those count them who use Settle.
func joined(opts format.Options, payloads ...*payload.Payload) (lines string, last string, shown int) {
	ev := format.NewEvent(interfaceName)
	j := format.NewJoiner(format.New(opts))
	var out []byte
	for _, pl := range payloads {
		ev.Decode(pl)
		before := len(out)
		if out = j.Settle(out, ev); len(out) > before {
			shown++
		}
		before = len(out)
		var kept bool
		if out, kept = j.Append(out, ev); len(out) > before {
			shown++
		}
		if kept && len(out) > before {
			panic("kept back and printed")
		}
	}
	flushed := j.Flush(nil)
	if len(flushed) > 0 {
		shown++
	}
	return string(out), string(flushed), shown
}

func TestJoiner(t *testing.T) {
	denied := verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Flags |= api.PolicyMatchL4Only << 3 })
	dropped := drop(synPacket)
	verdictLine, dropLine := print(format.Options{}, denied), print(format.Options{}, dropped)
	const both = "DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: Policy denied, eth0, endpoint 12->7, identity 4711->world, ingress, match L4-Only\n"

	lines, last, shown := joined(format.Options{}, denied, dropped, denied, dropped)
	require.Equal(t, both+both, lines)
	require.Empty(t, last)
	require.Equal(t, 2, shown)

	lines, _, _ = joined(format.Options{Level: format.LevelDebug}, denied, dropped)
	require.Contains(t, lines, ", ingress, match L4-Only, cookie 192, bpf_lxc.c:42, ", "all that the verdict says")
	lines, _, _ = joined(format.Options{Level: format.LevelVerbose}, denied, dropped)
	require.Equal(t, 1, strings.Count(lines, "Ethernet\t"), "the packet once")

	t.Run("it says what it holds", func(t *testing.T) {
		ev := format.NewEvent(interfaceName)
		j := format.NewJoiner(format.New(format.Options{}))
		for _, next := range []struct {
			payload *payload.Payload
			holds   bool
		}{{denied, true}, {denied, true}, {dropped, false}, {dropped, false}} {
			ev.Decode(next.payload)
			_, kept := j.Append(nil, ev)
			require.Equal(t, next.holds, kept)
			require.Equal(t, next.holds, j.Holds())
		}
	})
	t.Run("nothing is kept back longer than until Flush", func(t *testing.T) {
		require.GreaterOrEqual(t, format.JoinTimeout, time.Millisecond, "the drop has to have time to come")
		lines, last, shown := joined(format.Options{}, denied)
		require.Empty(t, lines)
		require.Equal(t, verdictLine, last)
		require.Equal(t, 1, shown)
	})
	t.Run("without Settle, what was kept back comes first", func(t *testing.T) {
		ev := format.NewEvent(interfaceName)
		j := format.NewJoiner(format.New(format.Options{}))
		var out []byte
		for _, pl := range []*payload.Payload{denied, trace(synPacket), denied} {
			ev.Decode(pl)
			out, _ = j.Append(out, ev)
		}
		require.Equal(t, verdictLine+print(format.Options{}, trace(synPacket)), string(out))
	})
	t.Run("what is hidden is not shown", func(t *testing.T) {
		lines, last, shown := joined(format.Options{}, denied, debug(api.DebugGeneric, 1, 2, 3), dropped)
		require.Equal(t, verdictLine+dropLine, lines)
		require.Empty(t, last)
		require.Equal(t, 2, shown)
	})
	for name, next := range map[string]*payload.Payload{
		"another packet": drop(udpPacket),
		"another flow":   drop(synPacket, func(n *api.DropNotify) { n.Hash++ }),
		"another length": drop(synPacket, func(n *api.DropNotify) { n.OrigLen++ }),
		"another CPU":    {Type: payload.EventSample, CPU: 2, Data: dropped.Data},
		"no drop":        trace(synPacket),
		"a loss":         lost(5, 1),
		"nonsense":       sample([]byte{api.MessageTypeDrop}),
		"a denial":       denied,
	} {
		t.Run(name, func(t *testing.T) {
			lines, last, shown := joined(format.Options{}, denied, next)
			require.Equal(t, verdictLine+print(format.Options{}, next), lines+last)
			require.Equal(t, 2, shown)
		})
	}
	for name, first := range map[string]*payload.Payload{
		"allowed":   verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Verdict = 0 }),
		"audited":   verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Flags |= api.PolicyVerdictFlagAudited }),
		"no packet": verdict(nil),
	} {
		t.Run(name, func(t *testing.T) {
			lines, last, _ := joined(format.Options{}, first, dropped)
			require.Equal(t, print(format.Options{}, first)+dropLine, lines)
			require.Empty(t, last)
		})
	}
	for _, output := range []format.Output{format.OutputCilium, format.OutputJSON} {
		opts := format.Options{Output: output}
		lines, last, shown := joined(opts, denied, dropped)
		require.Equal(t, print(opts, denied)+print(opts, dropped), lines)
		require.Empty(t, last)
		require.Equal(t, 2, shown)
	}
}
