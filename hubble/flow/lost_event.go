// SPDX-License-Identifier: Apache-2.0

package flow

import (
	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
)

// lost returns what is said of a loss: of the datapath, with the CPU whose ring was full, or of a reader that was too slow.
func lostEvent(e agent.Event) *flowpb.LostEvent {
	m := &flowpb.LostEvent{
		Source:        flowpb.LostEventSource_PERF_EVENT_RING_BUFFER,
		NumEventsLost: e.Lost,
		Cpu:           wrapperspb.Int32(int32(e.CPU)),
	}
	if e.CPU == payload.CPULostByReader {
		m.Source, m.Cpu = flowpb.LostEventSource_HUBBLE_RING_BUFFER, nil
	}
	return m
}
