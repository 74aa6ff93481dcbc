// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

func TestDenyRules(t *testing.T) {
	sample := func(m api.AgentNotifyMessage) []byte {
		n, err := m.ToJSON()
		require.NoError(t, err)
		return n.Append(nil)
	}
	for _, rules := range [][]string{{"udp/9999"}, {"tcp/80@10.0.0.0/8", "any@::/0", "icmp"}} {
		got, ok := api.DecodeDenyRules(sample(api.DenyRulesNotice(rules)))
		require.True(t, ok)
		require.Equal(t, rules, got)
	}
	for _, other := range [][]byte{
		nil,
		[]byte("monitor: deny rules: 1 udp/9999"),
		sample(api.GenericMessage("deny rules: 1 udp/9999")),
		sample(api.GenericMessage("1, monitor: deny rules: 1 udp/9999")),
		sample(api.GenericMessage([]string{"monitor: deny rules: 1 udp/9999"})),
		sample(api.DenyRulesNotice(nil)),
		sample(api.MonitorNotice("deny rules: 2 udp/9999")),
		sample(api.MonitorNotice("deny rules: 1 udp/9999, tcp")),
		sample(api.MonitorNotice("deny rules: 1 ")),
		sample(api.EndpointDeleteMessage(1, nil, "monitor: deny rules: 1 udp/9999", "")),
	} {
		rules, ok := api.DecodeDenyRules(other)
		require.False(t, ok, "%q", other)
		require.Empty(t, rules)
	}
}
