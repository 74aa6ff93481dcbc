// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/drain"
)

// sendFigures are of one SendEvent.
type sendFigures struct {
	Wall, CPU     float64 // ns of the caller; ns of the whole process
	Allocs, Bytes float64
}

var sendClients = []int{1, 16}

func (b *bench) runSend() error {
	for _, clients := range sendClients {
		err := b.inTurns(b.opts.rounds, 0, clients, func(st setup) error {
			return b.withSession(st, drain.Arg{Clients: clients}, func(s *session) error {
				f, missing, err := measureSend(s)
				if err != nil {
					return err
				}
				b.results.silent[st.agent] += missing
				b.results.send[st] = append(b.results.send[st], f)
				b.progress("%s, SendEvent, %d clients: %.0f ns, CPU %.0f ns, %.2f allocs, %.0f bytes",
					st.agent, clients, f.Wall, f.CPU, f.Allocs, f.Bytes)
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// measureSend returns besides how many events did not arrive at a client, and were not reported lost.
func measureSend(s *session) (f sendFigures, missing int64, err error) {
	arg := agentproc.SendArg{Events: 25600, Batch: 128, Pause: 3 * time.Millisecond}
	for range 2 { // the first one warms up
		before, err := settle(s, 0, drain.Histogram{})
		if err != nil {
			return f, missing, err
		}
		var r agentproc.SendResult
		if err := s.agent.Call("send", arg, &r); err != nil {
			return f, missing, err
		}
		after, err := settle(s, 0, drain.Histogram{})
		if err != nil {
			return f, missing, err
		}
		n := float64(arg.Events)
		missed := int64(arg.Events*len(after.Counts)) - int64(sum(after)-sum(before))
		if missed < 0 {
			return f, missing, fmt.Errorf("clients got or missed %d events more than there were", -missed)
		}
		missing += missed
		f = sendFigures{
			Wall:   float64(r.Wall) / n,
			CPU:    float64(r.CPU) / n,
			Allocs: float64(r.Allocs.Objects) / n,
			Bytes:  float64(r.Allocs.Bytes) / n,
		}
	}
	return f, missing, nil
}
