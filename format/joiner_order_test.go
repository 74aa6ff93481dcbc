// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestJoinerKeepsOrder prints each event once, in its order, whatever was before: what is no drop is not taken for the
// drop that came earlier.
func TestJoinerKeepsOrder(t *testing.T) {
	before := drop(synPacket)
	for name, next := range map[string]*payload.Payload{
		"trace of the packet": trace(synPacket), "capture of it": capture(api.CaptureDelivery, 2, synPacket),
		"cut drop": sample(before.Data[:20]), "lost": lost(5, 1), "empty": sample(nil),
	} {
		lines, last, shown := joined(format.Options{}, before, verdict(synPacket), next)
		require.Equal(t, print(format.Options{}, before, verdict(synPacket), next), lines+last, name)
		require.Equal(t, 3, shown, name)
	}
}

// TestJoinerHoldsBackLittle prints at once what no drop follows, and what was kept back once.
func TestJoinerHoldsBackLittle(t *testing.T) {
	for name, pl := range map[string]*payload.Payload{
		"allowed":   verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Verdict = 0 }),
		"redirect":  verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Verdict = 1 }),
		"no packet": verdict(nil),
		"cut":       sample(verdict(nil).Data[:20]),
		"trace":     trace(synPacket),
	} {
		lines, last, shown := joined(format.Options{}, pl)
		require.Equal(t, print(format.Options{}, pl), lines, name)
		require.Empty(t, last, name)
		require.Equal(t, 1, shown, name)
	}
	ev := format.NewEvent(interfaceName)
	j := format.NewJoiner(format.New(format.Options{}))
	ev.Decode(verdict(synPacket))
	out, shown := j.Append([]byte("before "), ev)
	require.True(t, shown)
	require.Equal(t, "before ", string(out))
	line := print(format.Options{}, verdict(synPacket))
	require.Equal(t, "before "+line, string(j.Flush(out)))
	require.Empty(t, j.Flush(nil))
	ev.Decode(lost(5, 1))
	out, _ = j.Append(nil, ev)
	require.Equal(t, print(format.Options{}, lost(5, 1)), string(out))
}
