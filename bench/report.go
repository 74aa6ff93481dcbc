// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cilium/monitor/bench/internal/load"
)

// block is a part of the results, and of the documents that have it.
type block struct {
	name  string   // in the marks around it
	needs []string // sections
	files []string // below the project's directory
	bare  bool     // without the line that says when, of what and where
	print func(io.Writer)
}

const page = "docs/bench.md"

// blocks returns all parts.
func (b *bench) blocks() []block {
	r := &b.results
	return []block{
		{"short", []string{"shapes", "traffic", "lossfree", "cost"}, []string{page, "README.md"}, true, r.printShort},
		{"targets", []string{"shapes"}, []string{page}, false, func(w io.Writer) { printTargets(w, r.shapeTargets()) }},
		{"other targets", []string{"cost", "lossfree", "idle", "send"}, []string{page}, true, func(w io.Writer) { printTargets(w, r.otherTargets()) }},
		{"shapes", []string{"shapes"}, []string{page}, false, r.shapes.print},
		{"traffic", []string{"traffic"}, []string{page}, false, r.traffic.print},
		{"frontier", []string{"frontier"}, []string{page}, false, r.frontier.print},
		{"demand", []string{"demand"}, []string{page}, false, r.demand.print},
		{hubbleSection, []string{hubbleSection}, []string{"docs/hubble.md"}, false, r.hubble.print},
		{"even", []string{"cost", "latency", "stalled", "lossfree", "idle", "send"}, []string{page}, false, r.printHeadline},
		{"cost", []string{"cost"}, []string{page}, false, r.printCost},
	}
}

// complete tells whether all of a part was measured.
func (bl *block) complete(ran []string) bool {
	return !slices.ContainsFunc(bl.needs, func(section string) bool { return !slices.Contains(ran, section) })
}

// begun tells whether something of a part was measured.
func (bl *block) begun(ran []string) bool {
	return slices.ContainsFunc(bl.needs, func(section string) bool { return slices.Contains(ran, section) })
}

// report prints what was measured, and puts the complete parts into the project's documents if the options
// say so.
func (b *bench) report(w io.Writer, provenance string) error {
	texts := map[string]string{} // of files, by name
	for _, bl := range b.blocks() {
		if !bl.begun(b.opts.only) {
			continue
		}
		var out strings.Builder
		if !bl.bare {
			fmt.Fprintf(&out, "%s\n\n", provenance)
		}
		bl.print(&out)
		fmt.Fprintf(w, "## %s\n\n%s\n", bl.name, out.String())
		if b.opts.docs == "" || !bl.complete(b.opts.only) {
			continue
		}
		for _, file := range bl.files {
			if _, ok := texts[file]; !ok {
				text, err := os.ReadFile(filepath.Join(b.opts.docs, file))
				if err != nil {
					return err
				}
				texts[file] = string(text)
			}
			text, err := replaceBlock(texts[file], bl.name, out.String())
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			texts[file] = text
		}
	}
	for file, text := range texts {
		if err := os.WriteFile(filepath.Join(b.opts.docs, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if b.opts.docs == "" {
		return nil
	}
	return b.drawCharts(filepath.Join(b.opts.docs, "docs"))
}

func (b *bench) drawCharts(dir string) error {
	if slices.Contains(b.opts.only, "shapes") {
		if err := b.results.shapes.draw(filepath.Join(dir, "bench.svg")); err != nil {
			return err
		}
	}
	if slices.Contains(b.opts.only, "cost") {
		return b.results.drawCost(filepath.Join(dir, "bench-cost.svg"))
	}
	return nil
}

// replaceBlock replaces what is between the marks of a block.
func replaceBlock(text, name, content string) (string, error) {
	begin, end := fmt.Sprintf("<!-- bench: %s -->\n", name), fmt.Sprintf("<!-- end of %s -->\n", name)
	before, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", fmt.Errorf("no line %q", strings.TrimSpace(begin))
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("no line %q", strings.TrimSpace(end))
	}
	return before + begin + content + end + after, nil
}

// provenance says when, of what and where the figures are. The commit is that of the working directory
// before the documents change.
func provenance(opts options) string {
	commit := "unknown"
	if out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	text := fmt.Sprintf("%s, commit %s, %s, everything at nice %d.", time.Now().UTC().Format(time.DateOnly), commit, machine(), niceness)
	if opts.maxDelay > 0 {
		text += fmt.Sprintf(" This agent with --monitor-max-delay=%v.", opts.maxDelay)
	}
	if slices.ContainsFunc(opts.only, func(section string) bool { return slices.Contains([]string{"shapes", "traffic", "frontier"}, section) }) {
		text += fmt.Sprintf(" Medians of %d rounds in turns", opts.shapeRounds)
		if slices.Contains(opts.only, "cost") {
			text += fmt.Sprintf(", of %d for even loads", opts.rounds)
		}
		return text + "."
	}
	return text + fmt.Sprintf(" Medians of %d rounds in turns.", opts.rounds)
}

// printShort writes what the README tells.
func (r *results) printShort(w io.Writer) {
	fmt.Fprintln(w, "| beside Cilium's agent v1.20.2, on the same work | this agent | Cilium's | ratio |\n| --- | ---: | ---: | ---: |")
	const clients = 4
	even, bursts := shapeCell{load.Shape{Burst: 1, Rate: 5000, CPUs: 1}, clients}, shapeCell{load.Shape{Burst: 50, Rate: 5000, CPUs: 1}, clients}
	fast := shapeCell{load.Shape{Burst: 1, Rate: 20000, CPUs: 1}, clients}
	s := &r.shapes
	both := func(label string, c shapeCell, of func(figures) float64) {
		our, cilium := s.agents.value(ours, c, of), s.agents.value(ciliums, c, of)
		row(w, label+", "+c.String(), our, cilium, micros, false)
	}
	both("latency p99", even, p99)
	both("latency p99", bursts, p99)
	both("agent CPU per event", even, cpuEvent)
	both("agent CPU per event", bursts, cpuEvent)
	both("agent CPU per event", fast, cpuEvent)
	for _, c := range []shapeCell{bursts, fast} {
		both(fmt.Sprintf("datapath tax per event (floor: %s)", cell(s.floorOf(c.Shape), micros)), c, tax)
	}
	m := r.traffic.agents
	for _, c := range m.cells(trafficCell.compare) {
		if c.kind == 0 && c.clients == clients {
			row(w, fmt.Sprintf("throughput of %s (nobody reads: %s)", c, cell(median(r.traffic.unread[c.kind], throughput), gigabits)),
				m.value(ours, c, throughput), m.value(ciliums, c, throughput), gigabits, true)
		}
	}
	r.printLossFree(w)
	r.printMemory(w)
}

// printLossFree writes the highest rate at which nothing is lost.
func (r *results) printLossFree(w io.Writer) {
	for _, s := range sortedSetups(r.lossFree) {
		label := "highest rate without any loss, " + clientsName(s.clients)
		for _, f := range r.lossFree[setup{ours, s.rate, s.clients}] {
			if f.EmitterLimit {
				label += " (the emitter went no faster)"
				break
			}
		}
		rowOf(w, label, r.lossFree, s, func(f lossFreeFigures) float64 { return f.Rate }, perSecond, true)
	}
}

// printMemory writes the peak at the load that nodes can have for long.
func (r *results) printMemory(w io.Writer) {
	s := setup{rate: 20000, clients: 16}
	rowOf(w, "peak memory, "+s.String(), r.cost, s, func(f figures) float64 { return f.PeakMemory }, megabytes, false)
}
