// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestDenyRuleOfWrongSamples has no rule for a sample that cannot be decoded, whatever was before it, nor for a drop on
// a CPU that had no verdict.
func TestDenyRuleOfWrongSamples(t *testing.T) {
	notice, err := api.DenyRulesNotice([]string{"udp/9999"}).ToJSON()
	require.NoError(t, err)
	told := agent(notice.Type, notice.Text)
	denied := verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Source, n.Cookie = 0, 1 })
	dropped := drop(synPacket)
	cut := func(pl *payload.Payload) *payload.Payload { return sample(pl.Data[:16]) }
	on := func(cpu int, pl *payload.Payload) *payload.Payload {
		return &payload.Payload{Type: payload.EventSample, CPU: cpu, Data: pl.Data}
	}
	for _, c := range []struct {
		name   string
		stream []*payload.Payload
		want   int
	}{
		{"a drop", []*payload.Payload{denied, dropped}, 1},
		{"a verdict that is cut", []*payload.Payload{denied, cut(denied)}, 0},
		{"a drop that is cut", []*payload.Payload{denied, cut(dropped)}, 0},
		{"a drop after one that is cut", []*payload.Payload{denied, cut(dropped), dropped}, 1},
		{"a drop on the next CPU", []*payload.Payload{denied, on(2, dropped)}, 0},
		{"a verdict on the CPU before", []*payload.Payload{on(2, denied), denied, on(2, dropped)}, 1},
	} {
		ev := format.NewEvent(interfaceName)
		ev.Decode(told)
		for _, pl := range c.stream {
			ev.Decode(pl)
		}
		n, _ := ev.DenyRule()
		require.Equal(t, c.want, n, c.name)
	}
}
