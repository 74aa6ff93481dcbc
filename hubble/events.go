// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/metrics"
	"github.com/cilium/monitor/interest"
)

// GetAgentEvents implements observerpb.ObserverServer. The API has no message for what was lost of them.
func (o *observer) GetAgentEvents(r *observerpb.GetAgentEventsRequest, stream observerpb.Observer_GetAgentEventsServer) error {
	return answerRequest(o, stream, r, answer[*flowpb.AgentEvent]{
		wants: interest.Types(api.MessageTypeAgent),
		pick:  pickMessage[*flowpb.AgentEvent](o, api.MessageTypeAgent),
		send: func(at time.Time, e *flowpb.AgentEvent) error {
			return stream.Send(&observerpb.GetAgentEventsResponse{AgentEvent: e, NodeName: o.node.String(), Time: timestamppb.New(at)})
		},
		sent: o.metrics.Sent.WithLabelValues(metrics.SentAgentEvents),
	})
}

// GetDebugEvents implements observerpb.ObserverServer. The API has no message for what was lost of them.
func (o *observer) GetDebugEvents(r *observerpb.GetDebugEventsRequest, stream observerpb.Observer_GetDebugEventsServer) error {
	return answerRequest(o, stream, r, answer[*flowpb.DebugEvent]{
		wants: interest.Types(api.MessageTypeDebug),
		pick:  pickMessage[*flowpb.DebugEvent](o, api.MessageTypeDebug),
		send: func(at time.Time, e *flowpb.DebugEvent) error {
			return stream.Send(&observerpb.GetDebugEventsResponse{DebugEvent: e, NodeName: o.node.String(), Time: timestamppb.New(at)})
		},
		sent: o.metrics.Sent.WithLabelValues(metrics.SentDebugEvents),
	})
}

// pickMessage returns a function that picks what becomes an M of events of a message type.
func pickMessage[M proto.Message](o *observer, typ uint8) func(agent.Event) (M, bool) {
	return func(e agent.Event) (none M, ok bool) {
		if len(e.Data) == 0 || e.Data[0] != typ {
			return none, false
		}
		decoded, err := o.decode(e)
		if err != nil {
			return none, false
		}
		m, ok := decoded.(M)
		return m, ok
	}
}
