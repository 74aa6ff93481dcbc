// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/api"
)

// TestDenyRules has a datapath with deny rules: the flow of a verdict names the rule that denied the packet, and nothing is named
// that is none of them.
func TestDenyRules(t *testing.T) {
	n := startNode(t, nil, cell.Provide(func() monitor.OpeningOut {
		return monitor.OpeningOut{Messages: []api.AgentNotifyMessage{
			api.GenericMessage("hello"), api.DenyRulesNotice([]string{"udp/9999", "tcp/81@10.0.0.0/8"}),
		}}
	}))
	f := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	for _, tc := range []struct {
		cookie  uint32
		ingress bool
		rule    string
	}{
		{cookie: 1, rule: "udp/9999"},
		{cookie: 2, ingress: true, rule: "tcp/81@10.0.0.0/8"},
		{cookie: 3},
		{cookie: 0},
	} {
		flags := uint8(api.PolicyEgress)
		if tc.ingress {
			flags = api.PolicyIngress
		}
		verdict := &api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, Version: 1, Verdict: -133, Cookie: tc.cookie, Flags: flags}
		_, err := n.datapath.EmitSample(verdict.Append(nil), 1)
		require.NoError(t, err)
		r, err := f.stream.Recv()
		require.NoError(t, err)
		var want []*flowpb.Policy
		if tc.rule != "" {
			want = []*flowpb.Policy{{Name: tc.rule, Kind: "DenyRule"}}
		}
		denied, other := r.GetFlow().GetEgressDeniedBy(), r.GetFlow().GetIngressDeniedBy()
		if tc.ingress {
			denied, other = other, denied
		}
		require.Equal(t, len(want), len(denied), "rule %d", tc.cookie)
		for i := range want {
			require.Equal(t, want[i].String(), denied[i].String())
		}
		require.Empty(t, other)
	}
}
