// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// requirement is something that an agent needs, and whether it is there.
type requirement struct {
	name     string
	state    state
	detail   string   // what it is for, or what is wrong
	remedies []string // the ways to get what is missing
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
	caps, err := effectiveCapabilities()
	if err != nil {
		return err
	}
	requirements := slices.Concat(
		capabilityRequirements(caps, s.capabilities()),
		kernelRequirements(caps, s),
		perfRequirements(caps, s),
		deviceRequirements(s.Datapath.Device),
		eventsMapRequirements(caps, s),
		socketRequirements(caps, s),
		metricsRequirements(s.Metrics.MetricsAddress),
	)
	writeRequirements(w, requirements)

	count := map[state]int{}
	for _, r := range requirements {
		count[r.state]++
	}
	if n := count[stateMissing]; n > 0 {
		return fmt.Errorf("the agent would not run: of %d needs %d missing, %d unknown", len(requirements), n, count[stateUnknown])
	}
	fmt.Fprintf(w, "\nThe agent would run as user %d: all that it needs is there.\n", os.Geteuid())
	return nil
}

func writeRequirements(w io.Writer, requirements []requirement) {
	width := 0
	for _, r := range requirements {
		width = max(width, len(r.name))
	}
	for _, r := range requirements {
		line := fmt.Sprintf("%-*s  %-*s  %s", len(stateUnknown), r.state, width, r.name, r.detail)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		for _, remedy := range r.remedies {
			fmt.Fprintf(w, "%*s  - %s\n", len(stateUnknown), "", remedy)
		}
	}
}
