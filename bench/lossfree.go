// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/cilium/monitor/bench/internal/drain"

// lossFreeFigures tell the highest rate at which every client got every event.
type lossFreeFigures struct {
	Rate float64 // events a second
	// EmitterLimit is set when it is the emitter that could not go faster.
	EmitterLimit bool
}

const lossFreeClients = 4

func (b *bench) runLossFree() error {
	rounds := (b.opts.rounds + 1) / 2 // each is a dozen runs
	return b.inTurns(rounds, 0, lossFreeClients, func(st setup) error {
		return b.withSession(st, drain.Arg{Clients: lossFreeClients}, func(s *session) error {
			f, err := b.searchLossFree(st, s)
			if err != nil {
				return err
			}
			b.results.lossFree[st] = append(b.results.lossFree[st], f)
			b.progress("%s, no loss up to %.0f/s (the emitter's limit: %t)", st.agent, f.Rate, f.EmitterLimit)
			return nil
		})
	})
}

// searchLossFree doubles the rate until something is lost, then halves the
// distance. A rate that fails has a second try: the machine does other things too.
func (b *bench) searchLossFree(st setup, s *session) (best lossFreeFigures, err error) {
	const tries, halvings = 2, 4
	try := func(rate float64) (ok bool, err error) {
		for range tries {
			f, err := measure(s, b.agents[st.agent].emitter, rate, 2*b.opts.duration)
			if err != nil {
				return false, err
			}
			b.results.silent[st.agent] += f.fate.silent()
			b.progress("  %s, asked for %.0f/s: %.0f/s, %s", st.agent, rate, f.Rate, f.fate)
			if f.fate.Delivered == f.fate.Expected {
				best.Rate = max(best.Rate, f.Rate)
				best.EmitterLimit = f.Rate < .8*rate
				return true, nil
			}
		}
		return false, nil
	}
	low, high := 0., 20000.
	for {
		ok, err := try(high)
		if err != nil || best.EmitterLimit {
			return best, err
		}
		if !ok {
			break
		}
		low, high = high, 2*high
	}
	for range halvings {
		middle := (low + high) / 2
		ok, err := try(middle)
		if err != nil {
			return best, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	return best, nil
}
