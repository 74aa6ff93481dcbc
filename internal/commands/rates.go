// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"fmt"
	"time"

	"github.com/cilium/monitor/agent"
)

// rates are per second.
type rates struct {
	events, bytes, lost float64
	kernel, timer       float64 // polls of the readers
}

// ratesBetween returns the rates between two statistics that were so long apart.
func ratesBetween(before, after *agent.Stats, elapsed time.Duration) *rates {
	rate := func(of func(*agent.Stats) uint64) float64 {
		return float64(of(after)-of(before)) / elapsed.Seconds()
	}
	return &rates{
		events: rate(func(s *agent.Stats) uint64 { return s.Datapath.Events() + s.User.Events() }),
		bytes:  rate(func(s *agent.Stats) uint64 { return s.Datapath.Bytes() + s.User.Bytes() }),
		lost:   rate(func(s *agent.Stats) uint64 { return s.Lost.Ring() + s.Lost.Behind + s.Lost.StreamBehind }),
		kernel: rate(func(s *agent.Stats) uint64 { return s.Polls.ByKernel }),
		timer:  rate(func(s *agent.Stats) uint64 { return s.Polls.ByTimer }),
	}
}

func (r *rates) String() string {
	return fmt.Sprintf("%.0f events/s, %s/s, %.0f lost/s; the reader is woken up %.0f times/s by the kernel, %.0f by a timer",
		r.events, size(uint64(r.bytes)), r.lost, r.kernel, r.timer)
}
