// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
)

// promise is what an agent has to keep, and what was measured.
type promise struct {
	what     string
	measured string
	kept     bool
	open     bool // too little was measured to tell
}

// read is how many of the generator's events the agent had to read: those that were written, without
// those that another agent read while it had the map.
func (o *outcome) read() uint64 { return o.counters.Written - o.restarts.taken.Read }

// ringLost is how many events found a ring of the agent full.
func (o *outcome) ringLost() uint64 { return o.counters.NoSpace - o.restarts.taken.RingLost }

// total is how many events each subscriber that stays has to know of. The embedded datapath and the agent
// itself do not count theirs: the consumer, which is called directly, does.
func (o *outcome) total() uint64 {
	return o.read() + o.ringLost() + o.sent.Accepted + o.inside.Direct.Device + o.inside.Direct.Notices
}

// unknown is how many events may be missing that nobody could count: they met no reader, or another one.
func (o *outcome) unknown() uint64 {
	return o.counters.NoReader + o.restarts.taken.Read + o.restarts.taken.RingLost
}

// stayingTallies returns all who stay but the clients.
func (o *outcome) stayingTallies() map[string]Tally {
	all := map[string]Tally{"consumer": o.inside.Direct, "consumer with a queue": o.inside.Queued}
	for name, t := range o.inside.Streams {
		all[name] = t
	}
	return all
}

// settled tells whether all who stay have everything, and the agent knows that the others are gone.
func (o *outcome) settled() bool {
	if len(o.inside.Stats.Clients) != len(o.staying) {
		return false
	}
	for _, t := range o.stayingTallies() {
		if t.Total() != o.total() {
			return false
		}
	}
	for _, s := range o.staying {
		if s.Tally.Total() != o.total() {
			return false
		}
	}
	direct := o.inside.Direct
	return direct.Traces+direct.Samples == o.read() && direct.LostInRing == o.ringLost()
}

// promises judges all of them.
func (o *outcome) promises() []promise {
	direct := o.inside.Direct
	stats := o.inside.Stats
	all := []promise{
		equal("events that BPF wrote into rings are read", direct.Traces+direct.Samples, o.read()),
		equal("events that found a ring full are told lost", direct.LostInRing, o.ringLost()),
		equal("events that SendEvent accepted are delivered", direct.User, o.sent.Accepted),
		equal("the agent's statistics have as many", stats.Accepted, o.total()),
		none("SendEvent fails for no other reason than a full queue", o.sent.Errors),
	}
	all = append(all, o.stayingPromises()...)
	all = append(all, o.livesPromises()...)
	return append(all, o.leftoverPromises()...)
}

func (o *outcome) stayingPromises() []promise {
	var wrong, disorder []string
	check := func(name string, t Tally) {
		if t.Total() != o.total() {
			wrong = append(wrong, fmt.Sprintf("%s: %d of %d", name, t.Total(), o.total()))
		}
		if t.Disorder > 0 || t.Strange > 0 || t.Restarts > o.mostRestarts() {
			disorder = append(disorder, fmt.Sprintf("%s: %+v", name, t))
		}
	}
	for name, t := range o.stayingTallies() {
		check(name, t)
	}
	for _, s := range o.staying {
		check("client, "+s.Temperament, s.Tally)
		if s.Error != "" {
			wrong = append(wrong, s.Temperament+": "+s.Error)
		}
	}
	return []promise{
		none(fmt.Sprintf("%d clients and %d others that stay: delivered + told lost = all",
			len(o.staying), len(o.stayingTallies())), wrong),
		none("what they were told is what the statistics say", o.statisticsDiffer()),
		none("in order, nothing twice, nothing strange", disorder),
	}
}

// mostRestarts is how often the numbers of the generator can have begun anew.
func (o *outcome) mostRestarts() uint64 {
	return uint64(o.restarts.done[pinnedAnew] * len(o.restarts.datapath.cpus))
}

// counts are what a subscriber and the agent's statistics both have.
type counts struct{ delivered, lost uint64 }

// statisticsDiffer compares what clients and streams counted with what the agent says.
func (o *outcome) statisticsDiffer() (wrong []string) {
	compare := func(who string, counted, said []counts) {
		byDelivered := func(a, b counts) int { return cmp.Compare(a.delivered, b.delivered) }
		slices.SortFunc(counted, byDelivered)
		slices.SortFunc(said, byDelivered)
		if !slices.Equal(counted, said) {
			wrong = append(wrong, fmt.Sprintf("%s counted %v, the agent %v", who, counted, said))
		}
	}
	stats := o.inside.Stats
	var counted, said []counts
	for _, s := range o.staying {
		counted = append(counted, counts{s.Tally.Delivered(), s.Tally.LostInQueue})
	}
	for _, c := range stats.Clients {
		said = append(said, counts{c.Delivered, c.Lost})
	}
	compare("clients", counted, said)

	counted, said = nil, nil
	all := o.inside.StreamLives.Sum
	for _, t := range o.inside.Streams {
		counted = append(counted, counts{t.Delivered(), t.LostInQueue})
		all.add(t)
	}
	for _, s := range stats.Streams {
		said = append(said, counts{s.Delivered, s.Lost})
	}
	compare("streams", counted, said)

	// A stream that ends before it is told of a loss has it in the agent's sum only.
	if sum := stats.StreamTotals[guestName]; sum.Delivered != all.Delivered() || sum.Lost < all.LostInQueue {
		wrong = append(wrong, fmt.Sprintf("all streams counted %d delivered, %d lost, the agent %+v", all.Delivered(), all.LostInQueue, sum))
	}
	t := stats.ClientTotals
	if t.Accepted != t.Delivered+t.Lost+t.Abandoned {
		wrong = append(wrong, fmt.Sprintf("client totals %+v", t))
	}
	return wrong
}

// livesPromises are about those that came and went.
func (o *outcome) livesPromises() (all []promise) {
	for _, l := range []struct {
		who string
		Lives
	}{
		{"clients", o.lives}, {"consumers", o.inside.ConsumerLives}, {"streams", o.inside.StreamLives},
	} {
		wrong := l.Errors
		if l.Untold > 0 || l.Excess > o.unknown() {
			wrong = append(wrong, fmt.Sprintf("%d events missing untold, and %d of %d unknown ones", l.Untold, l.Excess, o.unknown()))
		}
		if l.Sum.Disorder > 0 || l.Sum.Strange > 0 || l.Restarts > o.mostRestarts() {
			wrong = append(wrong, fmt.Sprintf("disorder: %+v", l.Sum))
		}
		all = append(all, none(fmt.Sprintf("%s %s that come and go miss nothing untold", number(l.total()), l.who), wrong))
	}
	if refused := o.inside.Stats.Refused; o.lives.Refused > refused {
		all = append(all, equal("refused clients are counted", refused, o.lives.Refused))
	}
	return all
}

func (o *outcome) leftoverPromises() []promise {
	var left []string
	if o.stopped.Goroutines != "" {
		left = append(left, o.stopped.Goroutines)
	}
	return append(o.flatMemory(),
		atMost("goroutines once all subscribers are gone, as before", o.left.Goroutines, o.idle.Goroutines),
		atMost("descriptors once all subscribers are gone, as before", o.left.Descriptors, o.idle.Descriptors),
		none("no goroutine is left when the agent has stopped", left),
		atMost("no descriptor is left when the agent has stopped", o.stopped.Descriptors, 0),
	)
}

func equal(what string, got, want uint64) promise {
	return promise{what: what, measured: fmt.Sprintf("%s of %s", number(got), number(want)), kept: got == want}
}

func atMost(what string, got, most int) promise {
	return promise{what: what, measured: fmt.Sprintf("%d, %d", got, most), kept: got <= most}
}

// none is kept if there is nothing wrong.
func none(what string, wrong []string) promise {
	p := promise{what: what, kept: len(wrong) == 0}
	if !p.kept {
		p.measured = fmt.Sprintf("%q", wrong)
	}
	return p
}
