// SPDX-License-Identifier: Apache-2.0

package flow

import (
	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
)

// lostEvent returns what is said of a loss: of the datapath, with the CPU whose ring was full; of a reader that was too slow; or of a
// rate limit. The API has no source for that: each that it has says that somebody did not keep up, and would have people look
// for a slow agent, or enlarge its buffers.
func lostEvent(e agent.Event) *flowpb.LostEvent {
	m := &flowpb.LostEvent{
		Source:        flowpb.LostEventSource_PERF_EVENT_RING_BUFFER,
		NumEventsLost: e.Lost,
		Cpu:           wrapperspb.Int32(int32(e.CPU)),
	}
	if e.CPU == payload.CPULostByReader {
		m.Source, m.Cpu = flowpb.LostEventSource_HUBBLE_RING_BUFFER, nil
	}
	if _, limited := e.RateLimited(); limited {
		m.Source, m.Cpu = flowpb.LostEventSource_UNKNOWN_LOST_EVENT_SOURCE, nil
	}
	return m
}
