// SPDX-License-Identifier: Apache-2.0

// Package gaps tells when events of a stream were lost, as far as that can be known.
package gaps

import (
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// Gaps follows a stream of events. It is for one goroutine.
type Gaps struct {
	last   time.Time           // of all events
	ofCPU  []time.Time         // of the datapath's
	ofType map[uint8]time.Time // of what a rate limit suppressed
}

// maxCPUs is as many as a Linux kernel can have. The CPU of an event may be anything.
const maxCPUs = 8192

// New returns those of a stream that has all events since a time; zero if that is not known.
func New(since time.Time) *Gaps { return &Gaps{last: since, ofType: map[uint8]time.Time{}} }

// Came takes note of an event of the stream, which is no loss, whether it is wanted or not.
func (g *Gaps) Came(e agent.Event) {
	g.last = e.Time
	if len(e.Data) > 0 && e.Data[0] < api.MessageTypeAccessLog {
		g.cameOf(e.CPU, e.Time)
	}
}

func (g *Gaps) cameOf(cpu int, at time.Time) {
	if cpu < 0 || cpu >= maxCPUs {
		return
	}
	if cpu >= len(g.ofCPU) {
		g.ofCPU = append(g.ofCPU, make([]time.Time, cpu+1-len(g.ofCPU))...)
	}
	g.ofCPU[cpu] = at
}

// Complete sets between what times that was lost which m tells of: the last event in the stream that came before the lost ones,
// as far as there was one, and e, the loss itself.
func (g *Gaps) Complete(m *flowpb.LostEvent, e agent.Event) {
	var first time.Time
	switch typ, limited := e.RateLimited(); {
	case limited:
		first = g.ofType[typ]
		g.ofType[typ] = e.Time
	case e.CPU == payload.CPULostByReader:
		first = g.last
	default:
		if e.CPU >= 0 && e.CPU < len(g.ofCPU) {
			first = g.ofCPU[e.CPU]
		}
		g.cameOf(e.CPU, e.Time)
	}
	m.Last = timestamppb.New(e.Time)
	if !first.IsZero() {
		m.First = timestamppb.New(first)
	}
}
