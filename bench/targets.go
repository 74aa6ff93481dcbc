// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// target is something that the agent is meant to keep to, in all cases.
type target struct {
	what  string
	cases []judged
}

// judged is one case of a target. It is met if share is 1 or less.
type judged struct {
	where string
	found string  // the figure and its limit, for people
	share float64 // what the agent takes of the limit
}

// atMost judges a figure that is not to be more than a limit, where both were measured.
func (t *target) atMost(where string, value, limit float64, format func(float64) string) {
	if math.IsNaN(value) || math.IsNaN(limit) {
		return
	}
	share := value / limit
	if value == 0 { // even if the limit is
		share = 0
	}
	t.cases = append(t.cases, judged{where, format(value) + ", limit " + format(limit), share})
}

// atLeast judges a figure that is not to be less than a limit, where both were measured.
func (t *target) atLeast(where string, value, limit float64, format func(float64) string) {
	if math.IsNaN(value) || math.IsNaN(limit) {
		return
	}
	t.cases = append(t.cases, judged{where, format(value) + ", limit " + format(limit), limit / value})
}

// met counts the cases that are.
func (t *target) met() (n int) {
	for _, c := range t.cases {
		if c.share <= 1 {
			n++
		}
	}
	return n
}

// worst returns the case that is the farthest from being met, of at least one.
func (t *target) worst() judged {
	return slices.MaxFunc(t.cases, func(a, b judged) int {
		if a.share < b.share {
			return -1
		}
		if a.share > b.share {
			return 1
		}
		return 0
	})
}

// printTargets writes a row for each.
func printTargets(w io.Writer, targets []target) {
	fmt.Fprintln(w, "| target | | cases that meet it | the worst: of the limit | |\n| --- | --- | ---: | ---: | --- |")
	for _, t := range targets {
		if len(t.cases) == 0 {
			fmt.Fprintf(w, "| %s | not measured | | | |\n", t.what)
			continue
		}
		verdict, worst := "met", t.worst()
		if t.met() < len(t.cases) {
			verdict = "**missed**"
		}
		fmt.Fprintf(w, "| %s | %s | %d of %d | %.2f x | %s: %s |\n",
			t.what, verdict, t.met(), len(t.cases), worst.share, worst.where, worst.found)
	}
}

// shapeTargets judges the loads of all shapes.
func (r *results) shapeTargets() []target {
	return append([]target{
		r.latencyTarget(),
		r.cpuTarget("1k to 5k/s, 1 and 4 clients", 1000, 5000, []int{1, 4}, 3),
		r.cpuTarget("20k/s, 1 client", 20000, 20000, []int{1}, 7),
		r.cpuTarget("20k/s, 4 clients", 20000, 20000, []int{4}, 12),
		r.cpuTarget("20k/s, 16 clients", 20000, 20000, []int{16}, 20),
	}, r.taxTargets()...)
}

// otherTargets judges the rest.
func (r *results) otherTargets() []target {
	return []target{r.lossFreeTarget(), r.silentTarget(), r.allocsTarget(), r.idleTarget(), r.memoryTarget(), r.sendTarget(), r.sendAllocsTarget()}
}

// latencyTarget is for the person who waits for events.
func (r *results) latencyTarget() target {
	const good = float64(500 * time.Microsecond)
	t := target{what: "p99 at every shape up to 20k/s, 1 and 4 clients: at most the larger of Cilium's and 500 µs, plus one scheduling of the clients"}
	s := &r.shapes
	for _, c := range s.agents.cells(shapeCell.compare) {
		if c.Rate > 20000 || c.clients > 4 {
			continue
		}
		scheduling := median(s.scheduling[c.clients], identity)
		// The builtin max of NaN is NaN: without Cilium's agent there is no limit.
		t.atMost(c.String(), s.agents.value(ours, c, p99), max(s.agents.value(ciliums, c, p99), good)+scheduling, micros)
	}
	return t
}

// cpuTarget is that the agent takes one so many-th of the CPU that Cilium's takes.
func (r *results) cpuTarget(where string, low, high int, clients []int, times float64) target {
	t := target{what: fmt.Sprintf("agent CPU per event at every shape, %s: at most 1/%.0f of Cilium's", where, times)}
	m := r.shapes.agents
	for _, c := range m.cells(shapeCell.compare) {
		if c.Rate >= low && c.Rate <= high && slices.Contains(clients, c.clients) {
			t.atMost(c.String(), m.value(ours, c, cpuEvent), m.value(ciliums, c, cpuEvent)/times, micros)
		}
	}
	return t
}

// taxTargets are for what is on the node besides the agent.
func (r *results) taxTargets() []target {
	const times = 1.5
	even := target{what: "datapath tax at 20k/s and more, even: at most 1.5 x the floor"}
	bursts := target{what: "datapath tax of bursts of 50 and more: at most 1.5 x the floor and one wake-up a burst"}
	s := &r.shapes
	for _, c := range s.agents.cells(shapeCell.compare) {
		value, floor := s.agents.value(ours, c, tax), s.floorOf(c.Shape)
		switch {
		case c.Burst == 1 && c.Rate >= 20000:
			even.atMost(c.String(), value, times*floor, micros)
		case c.Burst >= 50:
			bursts.atMost(c.String(), value, times*(floor+s.wakeupCost()/float64(c.Burst)), micros)
		}
	}
	return []target{even, bursts}
}

func (r *results) lossFreeTarget() target {
	const times = 12
	t := target{what: "highest rate without loss, 4 clients: at least 12 x Cilium's"}
	for _, s := range sortedSetups(r.lossFree) {
		rate := func(agent string) float64 {
			return median(r.lossFree[setup{agent, s.rate, s.clients}], func(f lossFreeFigures) float64 { return f.Rate })
		}
		t.atLeast(clientsName(s.clients), rate(ours), times*rate(ciliums), perSecond)
	}
	return t
}

func (r *results) silentTarget() target {
	t := target{what: "events lost silently: none"}
	if n, ok := r.silent[ours]; ok {
		t.atMost("all runs", float64(n), 0, count)
	}
	return t
}

func (r *results) allocsTarget() target {
	const none = 0.005 // of the runtime and the driver's questions
	t := target{what: "heap allocations per event: none"}
	if s, ok := r.busiest(16); ok {
		t.atMost(s.String(), median(r.cost[setup{ours, s.rate, s.clients}], func(f figures) float64 { return f.AllocsEvent }), none,
			func(v float64) string { return fmt.Sprintf("%.3f", v) })
	}
	return t
}

func (r *results) idleTarget() target {
	t := target{what: "CPU of the agent subscribed and idle: below 0.2 %"}
	for _, s := range sortedSetups(r.idle) {
		t.atMost(clientsName(s.clients), median(r.idle[setup{ours, s.rate, s.clients}], func(f idleFigures) float64 { return f.CPU }), .002, idleShare)
	}
	return t
}

func (r *results) memoryTarget() target {
	t := target{what: "peak memory: at most 1/4 of Cilium's"}
	peak := func(agent string, s setup) float64 {
		return median(r.cost[setup{agent, s.rate, s.clients}], func(f figures) float64 { return f.PeakMemory })
	}
	for _, s := range r.costSetups() {
		t.atMost(s.String(), peak(ours, s), peak(ciliums, s)/4, megabytes)
	}
	return t
}

func (r *results) sendTarget() target {
	t := target{what: "SendEvent, 1 client: at most 1/4 of Cilium's"}
	wall := func(agent string) float64 {
		return median(r.send[setup{agent, 0, 1}], func(f sendFigures) float64 { return f.Wall })
	}
	t.atMost(clientsName(1), wall(ours), wall(ciliums)/4, micros)
	return t
}

func (r *results) sendAllocsTarget() target {
	const most, noise = 2, 0.05
	t := target{what: "SendEvent, 1 client: at most 2 allocations"}
	t.atMost(clientsName(1), median(r.send[setup{ours, 0, 1}], func(f sendFigures) float64 { return f.Allocs }), most+noise, number)
	return t
}

func identity(v float64) float64 { return v }

func count(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }

func idleShare(v float64) string { return fmt.Sprintf("%.3f %%", 100*v) }
