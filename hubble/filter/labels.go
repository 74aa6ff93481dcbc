// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// addLabels adds what is asked of labels.
func addLabels(o *one, ff *flowpb.FlowFilter) error {
	for _, side := range []struct {
		what      string
		selectors []string
		of        func(*flowpb.Flow) []string
	}{
		{"source", ff.GetSourceLabel(), func(f *flowpb.Flow) []string { return f.GetSource().GetLabels() }},
		{"destination", ff.GetDestinationLabel(), func(f *flowpb.Flow) []string { return f.GetDestination().GetLabels() }},
		{"node", ff.GetNodeLabels(), (*flowpb.Flow).GetNodeLabels},
	} {
		if len(side.selectors) == 0 {
			continue
		}
		var wanted []selector
		for _, text := range side.selectors {
			s, err := parseSelector(text)
			if err != nil {
				return fmt.Errorf("invalid %s label filter: selector %q: %w", side.what, text, err)
			}
			wanted = append(wanted, s)
		}
		o.need(func(f *flowpb.Flow) bool {
			labels := side.of(f)
			return slices.ContainsFunc(wanted, func(s selector) bool { return s.matches(labels) })
		})
	}
	return nil
}

type label struct {
	source, key, value string
}

// parseLabel parses SOURCE:KEY=VALUE.
func parseLabel(text string) (l label) {
	if key, ok := strings.CutPrefix(text, "$"); ok {
		l.source, text = reservedSource, key
	} else if source, keyed, ok := strings.Cut(text, ":"); ok {
		l.source, text = source, keyed
	}
	l.key, l.value, _ = strings.Cut(text, "=")
	if l.key == "" && l.source == reservedSource {
		l.key, l.value = l.value, ""
	}
	return l
}

// parseNetwork parses the key of the label of a network, in which - stands for a colon.
func parseNetwork(key string) (netip.Prefix, error) {
	return netip.ParsePrefix(strings.ReplaceAll(key, "-", ":"))
}
