// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"fmt"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/agent"
	hubblefilter "github.com/cilium/monitor/hubble/filter"
	"github.com/cilium/monitor/hubble/internal/fieldmask"
	"github.com/cilium/monitor/hubble/metrics"
)

// GetFlows implements observerpb.ObserverServer.
func (o *observer) GetFlows(r *observerpb.GetFlowsRequest, stream observerpb.Observer_GetFlowsServer) error {
	f, err := newFilter(r)
	if err != nil {
		return err
	}
	mask, err := newMask(r.GetFieldMask())
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	name := o.node.String()
	return answerRequest(o, stream, r, answer[*flowpb.Flow]{
		wants: f.Interest(),
		pick:  func(e agent.Event) (*flowpb.Flow, bool) { return o.pickFlow(e, f) },
		send: func(at time.Time, flow *flowpb.Flow) error {
			return stream.Send(&observerpb.GetFlowsResponse{
				ResponseTypes: &observerpb.GetFlowsResponse_Flow{Flow: mask.Apply(flow)},
				NodeName:      name,
				Time:          timestamppb.New(at),
			})
		},
		sent: o.metrics.Sent.WithLabelValues(metrics.SentFlows),
		lost: func(at time.Time, loss *flowpb.LostEvent) error {
			return stream.Send(&observerpb.GetFlowsResponse{
				ResponseTypes: &observerpb.GetFlowsResponse_LostEvents{LostEvents: loss},
				NodeName:      name,
				Time:          timestamppb.New(at),
			})
		},
	})
}

// newMask returns which fields a request wants.
func newMask(m *fieldmaskpb.FieldMask) (fieldmask.Mask, error) {
	if n := len(m.GetPaths()); n > maxPaths {
		return nil, fmt.Errorf("the field mask has %d paths, and may have %d", n, maxPaths)
	}
	return fieldmask.New(m.GetPaths())
}

// newFilter returns the filter of a request.
func newFilter(r *observerpb.GetFlowsRequest) (filter, error) {
	if n := len(r.GetWhitelist()) + len(r.GetBlacklist()); n > maxFilters {
		return nil, status.Errorf(codes.InvalidArgument, "there are %d filters, and may be %d", n, maxFilters)
	}
	f, err := hubblefilter.New(r.GetWhitelist(), r.GetBlacklist())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return f, nil
}

// pickFlow returns the flow of an event, if there is one and the filter matches it. Flows of this server's own
// connections are left out: each of them sent would make another one.
func (o *observer) pickFlow(e agent.Event, f filter) (*flowpb.Flow, bool) {
	if !f.MayMatch(e.Data) {
		return nil, false
	}
	m, err := o.decode(e)
	if err != nil {
		return nil, false
	}
	flow, ok := m.(*flowpb.Flow)
	return flow, ok && f.Match(flow) && !o.own.has(flow)
}
