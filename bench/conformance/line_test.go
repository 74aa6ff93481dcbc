// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/cilium/monitor/bench/internal/printer"
)

// line stands for the line as a member.
const line = "line"

// lineDifferences are all in the lines, but for spaces and commas, of which Cilium prints
// some twice.
var lineDifferences = differences{
	{events: "trace/14", member: line, because: "an unknown observation point is printed with its number"},
	{events: "trace/IGMPv3", member: line, because: "Cilium decodes version 3 as if it were 2"},
	{events: "trace/* header cut short", member: line, because: "what is there of the packet; Cilium prints [error]"},
	{events: "capture/a part", member: line, because: "the same"},
	{events: "capture/proxy-pre", member: line, because: "Cilium prints nothing"},
	{events: "capture/snat-*", member: line, because: "the same"},
	{events: "capture/unknown*", member: line, because: "the same"},
	{events: "l7/*", member: line, because: "reserved identities by name, no passwords, fields in order, and what was left out: the reason, RCode, samples"},
}

func TestLines(t *testing.T) {
	var ours, cilium bytes.Buffer
	printOurs, printCilium := printer.Ours(&ours, false), printer.Cilium(&cilium, false)
	for _, e := range events(t) {
		ours.Reset()
		cilium.Reset()
		printOurs(e.payload)
		printCilium(e.payload)
		our, their := words(ours.String()), words(cilium.String())
		if our != their {
			lineDifferences.explain(t, e.name, delta{line, our, their})
		}
	}
	lineDifferences.requireFound(t)
}

var between = regexp.MustCompile(`[ ,]+`)

// words returns s with a space for the spaces and commas between two words.
func words(s string) string { return strings.TrimSpace(between.ReplaceAllString(s, " ")) }
