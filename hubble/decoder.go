// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/interest"
)

// decoder makes the messages of Hubble's API of events: *flow.Decoder of package hubble/flow. It may be used by several
// goroutines at once.
type decoder interface {
	// Decode returns what the API has of an event: a *flowpb.Flow, a *flowpb.AgentEvent, a *flowpb.DebugEvent or a
	// *flowpb.LostEvent; nil without an error if it has nothing of it. What it returns shares no memory with the event, and belongs to the
	// caller.
	Decode(e agent.Event) (proto.Message, error)
}

// filter tells which flows a request wants: *filter.Filter of package hubble/filter. It may be used by several goroutines
// at once.
type filter interface {
	// Interest has at least the events that the filter can match.
	Interest() interest.Interest

	// MayMatch tells of a raw event whether its flow can match. It is quick, and allocates nothing.
	MayMatch(data []byte) bool

	// Match tells whether a flow matches.
	Match(f *flowpb.Flow) bool
}
