// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"math"
	"slices"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// TestFirstEvent follows on a node that has had no event yet: the first one comes, and does not wait for another one.
func TestFirstEvent(t *testing.T) {
	n := startNode(t, nil)
	f := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	n.drop(130, 1)
	require.Equal(t, "130", f.next())
	n.drop(131, 1)
	require.Equal(t, "131", f.next())
}

// TestSpan asks for parts of what there is and what comes.
func TestSpan(t *testing.T) {
	n := startNode(t, nil)
	require.Empty(t, n.getFlows(&observerpb.GetFlowsRequest{Number: 5}).all(), "there is nothing yet")
	for reason := uint8(130); reason < 134; reason++ {
		n.drop(reason, 1)
	}
	n.send("no flow")
	between := time.Now()
	for reason := uint8(134); reason < 138; reason++ {
		n.drop(reason, 1)
	}
	early := []string{"130", "131", "132", "133"}
	late := []string{"134", "135", "136", "137"}
	all := append(append([]string(nil), early...), late...)
	odd := []*flowpb.FlowFilter{{DropReasonDesc: []flowpb.DropReason{131, 133, 135}}}

	for name, tc := range map[string]struct {
		request *observerpb.GetFlowsRequest
		want    []string
	}{
		"all there is":         {&observerpb.GetFlowsRequest{}, all},
		"all, as the CLI says": {&observerpb.GetFlowsRequest{Number: math.MaxUint64}, all},
		"the newest":           {&observerpb.GetFlowsRequest{Number: 1}, []string{"137"}},
		"the last three":       {&observerpb.GetFlowsRequest{Number: 3}, []string{"135", "136", "137"}},
		"more than there are":  {&observerpb.GetFlowsRequest{Number: 100}, all},
		"the first":            {&observerpb.GetFlowsRequest{Number: 1, First: true}, []string{"130"}},
		"the first three":      {&observerpb.GetFlowsRequest{Number: 3, First: true}, []string{"130", "131", "132"}},
		"since":                {&observerpb.GetFlowsRequest{Since: timestamppb.New(between)}, late},
		"until":                {&observerpb.GetFlowsRequest{Until: timestamppb.New(between)}, early},
		"since, the first":     {&observerpb.GetFlowsRequest{Since: timestamppb.New(between), Number: 1, First: true}, late[:1]},
		"since, the last":      {&observerpb.GetFlowsRequest{Since: timestamppb.New(between), Number: 1}, late[3:]},
		"until, the last":      {&observerpb.GetFlowsRequest{Until: timestamppb.New(between), Number: 1}, early[3:]},
		"of a filter":          {&observerpb.GetFlowsRequest{Whitelist: odd}, []string{"131", "133", "135"}},
		"of a filter, the last": {
			&observerpb.GetFlowsRequest{Whitelist: odd, Number: 2}, []string{"133", "135"},
		},
		"of a filter, the first": {
			&observerpb.GetFlowsRequest{Whitelist: odd, Number: 2, First: true}, []string{"131", "133"},
		},
		"without those of a filter": {
			&observerpb.GetFlowsRequest{Blacklist: odd, Until: timestamppb.New(between)}, []string{"130", "132"},
		},
		"since until, and what comes until then": {
			&observerpb.GetFlowsRequest{Since: timestamppb.New(between), Until: timestamppb.New(time.Now()), Follow: true}, late,
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, getFlows(t, n.observer(), tc.request).all())
		})
	}

	t.Run("and what comes", func(t *testing.T) {
		last := n.getFlows(&observerpb.GetFlowsRequest{Number: 2, Follow: true})
		since := n.getFlows(&observerpb.GetFlowsRequest{Since: timestamppb.New(between), Follow: true})
		filtered := n.getFlows(&observerpb.GetFlowsRequest{Number: 1, Whitelist: odd, Follow: true})
		n.drop(138, 1)
		n.drop(131, 1)
		for _, want := range []string{"136", "137", "138", "131"} {
			require.Equal(t, want, last.next())
		}
		for _, want := range append(append([]string(nil), late...), "138", "131") {
			require.Equal(t, want, since.next())
		}
		require.Equal(t, "135", filtered.next())
		require.Equal(t, "131", filtered.next())
	})
}

// TestFollowUntil follows until a time: what comes until then is there, and then it ends, although nothing comes any more.
func TestFollowUntil(t *testing.T) {
	n := startNode(t, nil)
	n.drop(130, 1)
	until := time.Now().Add(500 * time.Millisecond)
	follow := n.getFlows(&observerpb.GetFlowsRequest{Number: 1, Follow: true, Until: timestamppb.New(until)})
	late := n.getFlows(&observerpb.GetFlowsRequest{Follow: true, Until: timestamppb.New(until)})
	require.Empty(t, late.all())
	n.drop(131, 1)
	require.Equal(t, []string{"130"}, follow.all())
}

// TestFarTimes asks for what was between times that no clock has.
func TestFarTimes(t *testing.T) {
	n := startNode(t, nil)
	n.drop(130, 1)
	early, far := &timestamppb.Timestamp{Seconds: -1e10}, &timestamppb.Timestamp{Seconds: 2e11}
	require.Equal(t, []string{"130"}, n.getFlows(&observerpb.GetFlowsRequest{Since: early, Until: far}).all())
	require.Equal(t, "130", n.getFlows(&observerpb.GetFlowsRequest{Since: early, Until: far, Follow: true}).next())
	require.Empty(t, n.getFlows(&observerpb.GetFlowsRequest{Since: far}).all())
	require.Empty(t, n.getFlows(&observerpb.GetFlowsRequest{Until: early, Follow: true}).all())
}

// TestRefused asks for what can't be.
func TestRefused(t *testing.T) {
	n := startNode(t, nil)
	manyFilters := make([]*flowpb.FlowFilter, 1000)
	for i := range manyFilters {
		manyFilters[i] = &flowpb.FlowFilter{}
	}
	expensive := slices.Repeat([]string{".{1000}"}, 3300)
	for text, r := range map[string]*observerpb.GetFlowsRequest{
		"first cannot be specified with follow": {First: true, Follow: true},
		"since: ":                               {Since: &timestamppb.Timestamp{Nanos: -1}},
		"until: ":                               {Until: &timestamppb.Timestamp{Seconds: math.MaxInt64}},
		`the field mask has a path that a flow has not: "nothing"`: {FieldMask: &fieldmaskpb.FieldMask{Paths: []string{"time", "nothing"}}},
		"there are 1000 filters, and may be 128":                   {Whitelist: manyFilters},
		"the regular expressions of the filters are too large":     {Blacklist: []*flowpb.FlowFilter{{DnsQuery: expensive}}},
		"10.0.0.0/99": {Whitelist: []*flowpb.FlowFilter{{SourceIp: []string{"10.0.0.0/99"}}}},
	} {
		stream, err := n.observer().GetFlows(t.Context(), r)
		require.NoError(t, err)
		_, err = stream.Recv()
		require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
		require.ErrorContains(t, err, text)
	}
}

// TestFieldMask has only some fields sent.
func TestFieldMask(t *testing.T) {
	n := startNode(t, nil)
	n.drop(130, 1)
	f := n.getFlows(&observerpb.GetFlowsRequest{FieldMask: &fieldmaskpb.FieldMask{
		Paths: []string{"verdict", "event_type.type", "l4.TCP.source_port", "node_name", "event_type"},
	}})
	r, err := f.stream.Recv()
	require.NoError(t, err)
	require.Equal(t, "default/node", r.GetNodeName())
	require.NotNil(t, r.GetTime())
	got := r.GetFlow()
	require.Equal(t, flowpb.Verdict_DROPPED, got.GetVerdict())
	require.EqualValues(t, 1, got.GetEventType().GetType())
	require.EqualValues(t, 130, got.GetEventType().GetSubType(), "all of it was asked for, too")
	require.Equal(t, "default/node", got.GetNodeName())
	require.Nil(t, got.GetTime())
	require.Nil(t, got.GetL4())
	require.Zero(t, got.GetDropReasonDesc())
}

// TestStop stops a node that somebody follows.
func TestStop(t *testing.T) {
	n := startNode(t, nil)
	f := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	n.stop()
	_, err := f.stream.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
}
