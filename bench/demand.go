// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/cilium/monitor/api"
	request "github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/demand"
)

const (
	floodRate    = 1_000_000              // packets a second
	dropEvery    = 100 * time.Millisecond // one of them
	floodFor     = 10 * time.Second
	portsRate    = 100_000 // events a second
	portsClients = 16
	keptRate     = 20_000
	demandFor    = 3 * time.Second
)

// demandFigures are of one round.
type demandFigures struct {
	Silent, Traced float64 // ns a packet, see demand.Datapath.Tax

	FloodRate   float64 // packets a second
	Drops, Lost float64 // that there were, and that the client did not get of these
	FloodCPU    float64 // share of a core

	All, Picky float64 // agent CPU in ns an event: with one client that takes all, and with 16 that take one port each
	Taken      float64 // events that came to these, of those that they asked for

	Counted, Kept float64 // agent CPU in ns an event
}

type demandResults []demandFigures

// runDemand measures what events cost that few ask for, or nobody.
func (b *bench) runDemand() error {
	u, ok := b.agents[ours]
	if !ok {
		return fmt.Errorf("%s is not among the agents", ours)
	}
	path := filepath.Join(filepath.Dir(agentproc.EventsMapPath), "demand_events")
	datapath, err := demand.New(path)
	if err != nil {
		return err
	}
	asked := *u
	asked.args = []string{"--monitor-events-map=" + path, "--monitor-socket-path=" + u.socket}
	for range b.opts.rounds {
		var f demandFigures
		for _, part := range []func(*underTest, *demand.Datapath) error{f.flood, f.ports, f.kept} {
			if err := part(&asked, datapath); err != nil {
				return errors.Join(err, datapath.Close())
			}
		}
		b.results.demand = append(b.results.demand, f)
		b.progress("%.1f ns a packet that is not traced, %.1f ns without events; at %.0f packets/s %.0f drops, %.0f lost, %.3f %% of a core; "+
			"1 client %.0f ns, %d with a port each %.0f ns and %.4f of what they asked for; counted %.0f ns, kept %.0f ns",
			f.Traced, f.Silent, f.FloodRate, f.Drops, f.Lost, 100*f.FloodCPU, f.All, portsClients, f.Picky, f.Taken, f.Counted, f.Kept)
	}
	return datapath.Close()
}

// flood has a client ask for drops beside packets that nobody asks for.
func (f *demandFigures) flood(u *underTest, datapath *demand.Datapath) error {
	return withDemand(u, datapath, []request.Request{{Types: []int{api.MessageTypeDrop}}}, func(s *demandSession) (err error) {
		if f.Silent, f.Traced, err = datapath.Tax(); err != nil {
			return err
		}
		before := s.events.Load()
		cpu, err := s.cpu()
		if err != nil {
			return err
		}
		begun := time.Now()
		packets, drops, err := datapath.Flood(floodRate, dropEvery, floodFor)
		took := time.Since(begun)
		if err != nil {
			return err
		}
		after, err := s.cpu()
		if err != nil {
			return err
		}
		s.await(before + drops)
		f.FloodRate, f.FloodCPU = float64(packets)/took.Seconds(), float64(after-cpu)/float64(took)
		f.Drops, f.Lost = float64(drops), float64(drops)-float64(s.events.Load()-before)
		return nil
	})
}

// ports has one client take all events, and then some that take a port each.
func (f *demandFigures) ports(u *underTest, datapath *demand.Datapath) error {
	picky := make([]request.Request, portsClients)
	for i := range picky {
		port := uint16(demand.FirstPort + i*demand.Ports/portsClients)
		picky[i].Packets = []request.PacketRule{{Ports: []request.PortRange{{First: port, Last: port}}}}
	}
	for _, run := range []struct {
		requests []request.Request
		to       *float64
	}{{make([]request.Request, 1), &f.All}, {picky, &f.Picky}} {
		err := withDemand(u, datapath, run.requests, func(s *demandSession) error {
			var got uint64
			events, err := s.cpuPerEvent(portsRate, run.to, &got)
			f.Taken = float64(got) * demand.Ports / float64(events*uint64(len(run.requests)))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// kept has a consumer count events, and a history keep them.
func (f *demandFigures) kept(u *underTest, datapath *demand.Datapath) error {
	for _, run := range []struct {
		arg string
		to  *float64
	}{{"--count", &f.Counted}, {"--history=all", &f.Kept}} {
		subscribed := *u
		subscribed.args = slices.Concat(u.args, []string{run.arg})
		err := withDemand(&subscribed, datapath, nil, func(s *demandSession) error {
			_, err := s.cpuPerEvent(keptRate, run.to, new(uint64))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// print writes a row for each thing to know.
func (r demandResults) print(w io.Writer) {
	fmt.Fprintln(w, "| | | of |\n| --- | ---: | ---: |")
	row := func(label string, format func(float64) string, of func(demandFigures) float64, beside func(demandFigures) float64) {
		text := ""
		if beside != nil {
			text = fmt.Sprintf("%s: %.2f x", cell(median(r, beside), format), median(r, of)/median(r, beside))
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", label, cell(median(r, of), format), text)
	}
	nanos := func(ns float64) string { return fmt.Sprintf("%.1f ns", ns) }
	row("a packet that is not traced, of one in a program without events", nanos,
		func(f demandFigures) float64 { return f.Traced }, func(f demandFigures) float64 { return f.Silent })
	row("its datapath tax", nanos, func(f demandFigures) float64 { return f.Traced - f.Silent }, nil)
	row("packets that nobody asks for", perSecond, func(f demandFigures) float64 { return f.FloodRate }, nil)
	row("agent CPU beside them, with 10 drops a second for one client", idleShare, func(f demandFigures) float64 { return f.FloodCPU }, nil)
	row("drops that this client missed, of those that there were", count,
		func(f demandFigures) float64 { return f.Lost }, func(f demandFigures) float64 { return f.Drops })
	row(fmt.Sprintf("agent CPU per event, %s, %d clients with one port of %d each, of one client that takes all", rateName(portsRate), portsClients, demand.Ports),
		micros, func(f demandFigures) float64 { return f.Picky }, func(f demandFigures) float64 { return f.All })
	row("events that came to these, of those that they asked for", number, func(f demandFigures) float64 { return f.Taken }, nil)
	row(fmt.Sprintf("agent CPU per event, %s, kept in a history of 16 MiB, of one that a consumer counts", rateName(keptRate)),
		micros, func(f demandFigures) float64 { return f.Kept }, func(f demandFigures) float64 { return f.Counted })
}
