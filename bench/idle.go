// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/cilium/monitor/bench/internal/drain"
)

// idleFigures are of an agent with a client and no events.
type idleFigures struct {
	CPU        float64 // share of a core
	PeakMemory float64 // bytes
}

func (b *bench) runIdle() error {
	const idle = 3 * time.Second
	return b.inTurns(b.opts.rounds, 0, 1, func(st setup) error {
		return b.withSession(st, drain.Arg{Clients: 1}, func(s *session) error {
			// Some events first, so that what they start has time to calm down.
			emitter := b.agents[st.agent].emitter
			if _, err := takeSnapshot(s, emitter); err != nil {
				return err
			}
			if _, err := emitter.Run(20000, warmUp); err != nil {
				return err
			}
			time.Sleep(idle / 6)
			before, err := s.cpu()
			if err != nil {
				return err
			}
			time.Sleep(idle)
			after, err := s.cpu()
			if err != nil {
				return err
			}
			f := idleFigures{CPU: float64(after-before) / float64(idle)}
			if f.PeakMemory, err = s.peakMemory(); err != nil {
				return err
			}
			b.results.idle[st] = append(b.results.idle[st], f)
			b.progress("%s, idle: %.3f %% of a core, peak %.1f MB", st.agent, 100*f.CPU, f.PeakMemory/1e6)
			return nil
		})
	})
}
