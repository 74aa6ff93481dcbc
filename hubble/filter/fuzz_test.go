// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/hubble/filter"
	"github.com/cilium/monitor/hubble/flow"
)

// FuzzFilter checks that no filter of a client, and no event, makes a filter panic, and that no event is ruled out whose flow
// matches.
func FuzzFilter(f *testing.F) {
	drop := api.DropNotify{Type: api.MessageTypeDrop, SubType: 133, Version: 3, SrcLabel: 4711, Ifindex: 7}
	for _, text := range []string{
		`verdict: DROPPED source_ip: "10.0.0.0/8"`, `source_label: "k8s:app in (a, b),!c" node_name: "a*/b"`,
		`http_path: "a" http_status_code: "4+"`, `interface: {index: 7} reply: false tcp_flags: {SYN: true}`,
	} {
		message, err := proto.Marshal(parse(f, text))
		require.NoError(f, err)
		f.Add(message, drop.Append(nil))
	}
	d := flow.NewDecoder(flow.Options{NodeName: "east/node-1"})
	f.Fuzz(func(t *testing.T, message, sample []byte) {
		ff := new(flowpb.FlowFilter)
		if proto.Unmarshal(message, ff) != nil {
			return
		}
		match, err := filter.New([]*flowpb.FlowFilter{ff}, nil)
		if err != nil {
			return
		}
		mayMatch := match.MayMatch(sample)
		m, err := d.Decode(agent.Event{Payload: &payload.Payload{Type: payload.EventSample, Data: sample}})
		if m, ok := m.(*flowpb.Flow); ok && err == nil && match.Match(m) {
			require.True(t, mayMatch)
			require.True(t, match.Interest().Wants(sample))
		}
	})
}
