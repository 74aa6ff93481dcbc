// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// FuzzGetFlowsRequest takes any bytes for a request: it is answered or refused, and what it filters and masks is any flow.
func FuzzGetFlowsRequest(f *testing.F) {
	flow := &flowpb.Flow{
		Verdict: flowpb.Verdict_DROPPED,
		IP:      &flowpb.IP{Source: "10.0.0.1", Destination: "10.0.0.2"},
		L4:      &flowpb.Layer4{Protocol: &flowpb.Layer4_TCP{TCP: &flowpb.TCP{SourcePort: 1, DestinationPort: 2}}},
		Source:  &flowpb.Endpoint{PodName: "web", Namespace: "shop", Labels: []string{"k8s:app=web"}},
	}
	sample := []byte{1, 133, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0}
	for _, seed := range []*observerpb.GetFlowsRequest{
		{Number: 20, Follow: true, Since: timestamppb.Now()},
		{First: true, Until: &timestamppb.Timestamp{Nanos: -1}},
		{FieldMask: &fieldmaskpb.FieldMask{Paths: []string{"time", "l4.TCP.source_port", "source", "source.labels"}}},
		{Whitelist: []*flowpb.FlowFilter{{SourceIp: []string{"10.0.0.0/8"}, SourcePod: []string{"shop/web"}}, {HttpPath: []string{"("}}}},
		{Blacklist: []*flowpb.FlowFilter{{SourceLabel: []string{"app in (web)"}, NodeName: []string{"*/a"}, Verdict: []flowpb.Verdict{2}}}},
	} {
		request, err := proto.Marshal(seed)
		require.NoError(f, err)
		f.Add(request, sample)
	}
	whole, err := proto.Marshal(flow)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, request, sample []byte) {
		r := new(observerpb.GetFlowsRequest)
		if proto.Unmarshal(request, r) != nil {
			return
		}
		_, _ = newSpan(r)
		if filter, err := newFilter(r); err == nil {
			_ = filter.MayMatch(sample)
			_ = filter.Match(flow)
		}
		if mask, err := newMask(r.GetFieldMask()); err == nil {
			mask.Apply(flow)
			after, err := proto.Marshal(flow)
			require.NoError(t, err)
			require.Equal(t, whole, after, "a mask changes no flow that others have")
		}
	})
}
