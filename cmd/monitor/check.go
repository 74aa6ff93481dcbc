// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// need is something that an agent needs, and whether it is there.
type need struct {
	what  string
	state state
	about string   // what it is for, or what is wrong
	how   []string // the ways to get what is missing
}

type state string

const (
	stateOK      state = "ok"
	stateMissing state = "missing" // the agent would not run
	stateNote    state = "note"    // it would run, but
	stateUnknown state = "unknown" // not to be seen before something else is there
)

// writeCheck writes what the agent needs, and returns an error if it would not run. It
// changes nothing on the machine.
func writeCheck(w io.Writer, s *settings) error {
	h, err := heldCapabilities()
	if err != nil {
		return err
	}
	needs := slices.Concat(
		capabilityNeeds(h, s.capabilities()),
		kernelNeeds(h, s),
		perfNeeds(h, s.Agent.MonitorBufferPages),
		deviceNeeds(s.Datapath.Device),
		eventsMapNeeds(h, s),
		socketNeeds(h, s),
		metricsNeeds(s.Metrics.MetricsAddress),
	)
	writeNeeds(w, needs)

	count := map[state]int{}
	for _, n := range needs {
		count[n.state]++
	}
	if n := count[stateMissing]; n > 0 {
		return fmt.Errorf("the agent would not run: of %d needs %d missing, %d unknown", len(needs), n, count[stateUnknown])
	}
	fmt.Fprintf(w, "\nThe agent would run as user %d: all that it needs is there.\n", os.Geteuid())
	return nil
}

func writeNeeds(w io.Writer, needs []need) {
	width := 0
	for _, n := range needs {
		width = max(width, len(n.what))
	}
	for _, n := range needs {
		line := fmt.Sprintf("%-*s  %-*s  %s", len(stateUnknown), n.state, width, n.what, n.about)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		for _, how := range n.how {
			fmt.Fprintf(w, "%*s  - %s\n", len(stateUnknown), "", how)
		}
	}
}
