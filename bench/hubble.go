// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"time"

	observerpb "github.com/cilium/cilium/api/v1/observer"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/demand"
)

const (
	hubbleSection  = "hubble"
	hubbleRate     = 20_000  // events a second
	hubbleFastRate = 100_000 // events a second that not every observer keeps up with
	hubbleFor      = 2 * time.Second
	hubbleCapacity = 65535 // the largest
)

// hubbleBinary returns the package of an agent with Hubble.
func hubbleBinary(agent string) string { return "hubble-" + agent }

// hubbleFigures are of one agent in one round.
type hubbleFigures struct {
	Counted  float64 // agent CPU in ns an event without Hubble, with a consumer that counts
	Unread   float64 // the same with Hubble and nobody reading
	Filtered float64 // with a follower that takes few
	All      hubbleRun
	Fast     hubbleRun

	Held, Memory         float64 // events kept, and bytes of the agent then
	FullHeld, FullMemory float64 // the same after many more

	First, Seen float64 // see hubbleSession.fresh
}

// hubbleRun is with a follower that takes all, at a rate.
type hubbleRun struct {
	CPU float64 // of the agent in ns an event
	hubbleFate
}

// hubbleResults are the figures of each round, by agent.
type hubbleResults struct {
	agents   map[string][]hubbleFigures
	binaries map[string]binarySize // see bench.measureBinaries
}

// hubbleRunner measures one agent in one round.
type hubbleRunner struct {
	binary   string
	datapath *demand.Datapath
	figures  hubbleFigures
}

// runHubble measures what Hubble costs on either agent, in turns, on the same datapath.
func (b *bench) runHubble() (err error) {
	results := &b.results.hubble
	if results.binaries, err = b.measureBinaries(); err != nil {
		return err
	}
	datapath, err := demand.New(agentproc.EventsMapPath)
	if err != nil {
		return err
	}
	for range b.opts.rounds {
		runners := map[string]*hubbleRunner{}
		for _, agent := range b.opts.agents {
			runners[agent] = &hubbleRunner{binary: filepath.Join(b.dir, hubbleBinary(agent)), datapath: datapath}
		}
		for _, part := range []func(*hubbleRunner) error{
			(*hubbleRunner).counted, (*hubbleRunner).unread, (*hubbleRunner).filtered, (*hubbleRunner).all, (*hubbleRunner).memory, (*hubbleRunner).fresh,
		} {
			for _, agent := range b.opts.agents {
				if err := part(runners[agent]); err != nil {
					return errors.Join(fmt.Errorf("%s: %w", agent, err), datapath.Close())
				}
			}
		}
		for _, agent := range b.opts.agents {
			f := runners[agent].figures
			results.agents[agent] = append(results.agents[agent], f)
			b.progress("%-13s %+v", agent, f)
		}
	}
	return datapath.Close()
}

// cpu returns what the agent takes for an event at the usual rate, with a follower unless the request is nil.
func (r *hubbleRunner) cpu(args []string, request *observerpb.GetFlowsRequest) (ns float64, err error) {
	err = withHubble(r.binary, args, r.datapath, request, func(s *hubbleSession) (err error) {
		if err := s.awaitReader(request != nil); err != nil {
			return err
		}
		ns, err = s.cpuPerEvent(hubbleRate)
		return err
	})
	return ns, err
}

func (r *hubbleRunner) counted() (err error) {
	r.figures.Counted, err = r.cpu([]string{"--count", "--enable-hubble=false"}, nil)
	return err
}

func (r *hubbleRunner) unread() (err error) {
	r.figures.Unread, err = r.cpu(nil, nil)
	return err
}

// filtered has a follower that takes one port of those that there are.
func (r *hubbleRunner) filtered() (err error) {
	r.figures.Filtered, err = r.cpu(nil, hubbleFilter(demand.FirstPort))
	return err
}

// all has a follower that takes all, at both rates.
func (r *hubbleRunner) all() error {
	return withHubble(r.binary, nil, r.datapath, &observerpb.GetFlowsRequest{Follow: true}, func(s *hubbleSession) error {
		if err := s.awaitReader(true); err != nil {
			return err
		}
		before, err := s.fate()
		if err != nil {
			return err
		}
		for _, load := range []struct {
			rate int
			to   *hubbleRun
		}{{hubbleRate, &r.figures.All}, {hubbleFastRate, &r.figures.Fast}} {
			if load.to.CPU, err = s.cpuPerEvent(load.rate); err != nil {
				return err
			}
			after, err := s.fate()
			if err != nil {
				return err
			}
			load.to.hubbleFate, before = after.minus(before), after
		}
		return nil
	})
}

func (r *hubbleRunner) memory() error {
	args := []string{fmt.Sprint("--hubble-event-buffer-capacity=", hubbleCapacity)}
	return withHubble(r.binary, args, r.datapath, nil, func(s *hubbleSession) (err error) {
		f := &r.figures
		if err := s.awaitReader(false); err != nil {
			return err
		}
		if f.Held, f.Memory, err = s.hold(hubbleCapacity); err != nil {
			return err
		}
		if _, err := r.datapath.Ports(hubbleFastRate, hubbleFor); err != nil {
			return err
		}
		f.FullHeld, f.FullMemory, err = s.hold(hubbleCapacity)
		return err
	})
}

func (r *hubbleRunner) fresh() error {
	return withHubble(r.binary, nil, r.datapath, &observerpb.GetFlowsRequest{Follow: true}, func(s *hubbleSession) (err error) {
		r.figures.First, r.figures.Seen, err = s.fresh()
		return err
	})
}

// print writes a row for each thing to know, and the targets.
func (r hubbleResults) print(w io.Writer) {
	fmt.Fprintln(w, "| | this agent | Cilium's | ratio |\n| --- | ---: | ---: | ---: |")
	line := func(label string, format func(float64) string, of func(hubbleFigures) float64, higherIsBetter bool) {
		row(w, label, median(r.agents[ours], of), median(r.agents[ciliums], of), format, higherIsBetter)
	}
	cpu := "agent CPU per event, " + rateName(hubbleRate) + ", "
	line(cpu+"a consumer that counts, without Hubble", micros, hubbleCounted, false)
	line(cpu+"Hubble, nobody reading", micros, hubbleUnread, false)
	line(cpu+fmt.Sprintf("a follower whose filter 1 in %d matches", demand.Ports), micros, hubbleFiltered, false)
	line(cpu+"a follower that takes all", micros, func(f hubbleFigures) float64 { return f.All.CPU }, false)
	line(fmt.Sprintf("agent CPU per event, %s, a follower that takes all", rateName(hubbleFastRate)), micros,
		func(f hubbleFigures) float64 { return f.Fast.CPU }, false)
	for _, load := range []struct {
		rate int
		of   func(hubbleFigures) hubbleRun
	}{
		{hubbleRate, func(f hubbleFigures) hubbleRun { return f.All }},
		{hubbleFastRate, func(f hubbleFigures) hubbleRun { return f.Fast }},
	} {
		share := func(of func(hubbleFate) float64) func(hubbleFigures) float64 {
			return func(f hubbleFigures) float64 { return of(load.of(f).hubbleFate) / load.of(f).Events }
		}
		label := rateName(load.rate) + ", a follower that takes all, "
		line(label+"events reported lost", percent, share(func(f hubbleFate) float64 { return f.Lost }), false)
		line(label+"events lost silently", percent, share(hubbleFate.silent), false)
	}
	line(fmt.Sprintf("memory (PSS) with %d events kept", hubbleCapacity), megabytes, hubbleMemory, false)
	line("memory (PSS) once it keeps no more", megabytes, func(f hubbleFigures) float64 { return f.FullMemory }, false)
	line("events kept then", count, func(f hubbleFigures) float64 { return f.FullHeld }, true)
	line("a fresh node: the first event at its follower (-: none came)", hubbleTime, func(f hubbleFigures) float64 { return f.First }, false)
	line(fmt.Sprintf("a fresh node: events at its follower, of %d, one every %v", freshEvents, freshEvery), count,
		func(f hubbleFigures) float64 { return f.Seen }, true)
	size := func(label string, format func(float64) string, of func(binarySize) float64) {
		row(w, label, r.size(ours, of), r.size(ciliums, of), format, false)
	}
	size("this binary of the agent, stripped", megabytes, bytesOf)
	size("packages in it", count, packagesOf)
	fmt.Fprintln(w)
	printTargets(w, r.targets())
}

// size returns what there is of a binary, NaN if it was not measured.
func (r hubbleResults) size(name string, of func(binarySize) float64) float64 {
	size, ok := r.binaries[name]
	if !ok {
		return math.NaN()
	}
	return of(size)
}

func bytesOf(s binarySize) float64    { return s.bytes }
func packagesOf(s binarySize) float64 { return s.packages }

// hubbleTime formats nanoseconds as milliseconds.
func hubbleTime(ns float64) string { return fmt.Sprintf("%.1f ms", ns/1e6) }

func hubbleCounted(f hubbleFigures) float64  { return f.Counted }
func hubbleUnread(f hubbleFigures) float64   { return f.Unread }
func hubbleFiltered(f hubbleFigures) float64 { return f.Filtered }
func hubbleMemory(f hubbleFigures) float64   { return f.Memory }

// targets judge this agent.
func (r hubbleResults) targets() []target {
	const unread, filtered, memory, binary, packages = 1.1, 1.2, 40e6, 24e6, 520
	counted := median(r.agents[ours], hubbleCounted)
	all := []target{
		{what: fmt.Sprintf("CPU with nobody reading: at most %.1f x a consumer that counts", unread)},
		{what: fmt.Sprintf("CPU with a follower whose filter 1 in %d matches: at most %.1f x a consumer that counts", demand.Ports, filtered)},
		{what: fmt.Sprintf("memory with %d events: at most %s", hubbleCapacity, megabytes(memory))},
		{what: fmt.Sprintf("the command with Hubble, stripped: at most %s", megabytes(binary))},
		{what: fmt.Sprintf("packages in it: at most %d", packages)},
	}
	all[0].atMost(rateName(hubbleRate), median(r.agents[ours], hubbleUnread), unread*counted, micros)
	all[1].atMost(rateName(hubbleRate), median(r.agents[ours], hubbleFiltered), filtered*counted, micros)
	all[2].atMost("nobody reading", median(r.agents[ours], hubbleMemory), memory, megabytes)
	all[3].atMost("without OTLP", r.size(hubbleCommand, bytesOf), binary, megabytes)
	all[4].atMost("without OTLP", r.size(hubbleCommand, packagesOf), packages, count)
	return all
}
