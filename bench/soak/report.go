// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// broken is the number of promises that were.
func (o *outcome) broken() (n int) {
	for _, p := range o.promises() {
		if !p.kept && !p.open {
			n++
		}
	}
	return n
}

// print writes the report, 80 columns wide.
func (o *outcome) print(w io.Writer, opts options) {
	var u unix.Utsname
	_ = unix.Uname(&u) // which has no reason to fail
	fmt.Fprintf(w, "Soak: %v, load %v, %d CPUs, Linux %s, %s\n%d clients, %d senders\n\n", opts.duration, opts.load, runtime.NumCPU(),
		unix.ByteSliceToString(u.Release[:]), runtime.Version(), stayingEach*len(temperaments)+comingAndGoing, senders)
	for _, f := range o.facts() {
		fmt.Fprintf(w, "  %-42s %s\n", f.what, f.measured)
	}
	fmt.Fprintln(w)
	for _, p := range o.promises() {
		verdict := "ok"
		switch {
		case p.open:
			verdict = "open"
		case !p.kept:
			verdict = "BROKEN"
		}
		line := fmt.Sprintf("%-6s  %s", verdict, p.what)
		switch {
		case p.measured == "":
			fmt.Fprintln(w, line)
		case len(line)+len(p.measured) < 78:
			fmt.Fprintf(w, "%s: %s\n", line, p.measured)
		default:
			fmt.Fprintf(w, "%s\n        %s\n", line, p.measured)
		}
	}
}

// facts are what is worth knowing and promises nothing.
func (o *outcome) facts() []promise {
	var done []string
	for _, what := range slices.Sorted(maps.Keys(o.restarts.done)) {
		done = append(done, fmt.Sprintf("%d x %s", o.restarts.done[what], what))
	}
	c := o.counters
	stats := o.inside.Stats
	facts := []promise{
		{what: "emitted by BPF", measured: number(c.Total())},
		{what: "  written into rings", measured: number(c.Written)},
		{what: "  ring full, told lost", measured: number(c.NoSpace)},
		{what: "  no reader at that moment, can't be counted", measured: number(c.NoReader)},
		{what: "  of the first two: by another agent", measured: number(o.restarts.taken.Read + o.restarts.taken.RingLost)},
		{what: "by the embedded datapath", measured: number(o.inside.Direct.Device)},
		{what: "accepted by SendEvent, and refused", measured: number(o.sent.Accepted) + ", " + number(o.sent.QueueFull)},
		{what: "notices of the agent about its sources", measured: number(o.inside.Direct.Notices)},
		{what: "delivered to clients, told lost", measured: number(stats.ClientTotals.Delivered) + ", " + number(stats.ClientTotals.Lost)},
	}
	for i, what := range done {
		label := ""
		if i == 0 {
			label = "datapath restarts"
		}
		facts = append(facts, promise{what: label, measured: what})
	}
	for i, kind := range slices.Sorted(maps.Keys(o.lives.ByKind)) {
		label := ""
		if i == 0 {
			label = "clients that came and went"
		}
		facts = append(facts, promise{what: label, measured: fmt.Sprintf("%d x %s", o.lives.ByKind[kind], kind)})
	}
	return append(facts, promise{what: "  of these refused, all places taken", measured: number(stats.Refused)})
}

// number writes n with a space between thousands.
func number(n uint64) string {
	s := fmt.Sprint(n)
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), " ")
}
