// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"k8s.io/apimachinery/pkg/labels"
)

// addLabels adds what is asked of labels, in the language of Kubernetes' selectors.
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
		var wanted []labels.Selector
		for _, text := range side.selectors {
			selector, err := labels.Parse(dotted(text))
			if err != nil {
				return fmt.Errorf("invalid %s label filter: selector %q: %w", side.what, text, err)
			}
			wanted = append(wanted, selector)
		}
		o.need(func(f *flowpb.Flow) bool {
			has := labelList(side.of(f))
			return slices.ContainsFunc(wanted, func(selector labels.Selector) bool { return selector.Matches(has) })
		})
	}
	return nil
}

// dotted returns a selector whose keys are SOURCE.KEY: Kubernetes takes no colon in a key, so SOURCE:KEY is written
// like that, and KEY, which is of any source, is any.KEY.
func dotted(selector string) string {
	var out strings.Builder
	for selector != "" {
		key := strings.TrimLeftFunc(selector, func(r rune) bool { return unicode.IsSpace(r) || r == '!' })
		out.WriteString(selector[:len(selector)-len(key)])
		end := strings.IndexFunc(key, func(r rune) bool { return unicode.IsSpace(r) || r == '=' || r == '!' || r == ',' })
		if end < 0 {
			end = len(key)
		}
		if !strings.Contains(key[:end], ":") {
			out.WriteString(anySource + ".")
		}
		out.WriteString(strings.Replace(key[:end], ":", ".", 1))
		values := key[end:]
		end = requirementEnd(values)
		out.WriteString(values[:end])
		selector = values[end:]
	}
	return out.String()
}

// requirementEnd returns where the next requirement of a selector begins: behind a comma that is not in parentheses.
func requirementEnd(s string) int {
	depth := 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			return i + 1
		}
	}
	return len(s)
}

// Sources of labels that mean something here.
const (
	anySource      = "any" // of a selector: of whatever source
	cidrSource     = "cidr"
	reservedSource = "reserved"
)

// labelList are labels as SOURCE:KEY=VALUE. It implements [labels.Labels] for keys as SOURCE.KEY.
type labelList []string

// Has implements [labels.Labels].
func (l labelList) Has(key string) bool {
	_, ok := l.Lookup(key)
	return ok
}

// Get implements [labels.Labels].
func (l labelList) Get(key string) string {
	value, _ := l.Lookup(key)
	return value
}

// Lookup implements [labels.Labels].
func (l labelList) Lookup(key string) (value string, ok bool) {
	source, key, ok := strings.Cut(key, ".")
	if !ok {
		source, key = anySource, source
	}
	for _, text := range l {
		label := parseLabel(text)
		if (source == anySource || source == label.source) && label.hasKey(source, key) {
			return label.value, true
		}
	}
	return "", false
}

type label struct {
	source, key, value string
}

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

// hasKey tells whether a label has a key of a selector. That of a network has the keys of all networks that it is in.
func (l label) hasKey(source, key string) bool {
	if source != cidrSource {
		return l.key == key
	}
	wanted, err := parseNetwork(key)
	if err != nil {
		return false
	}
	has, err := parseNetwork(l.key)
	return err == nil && wanted.Bits() <= has.Bits() && wanted.Contains(has.Addr())
}

// parseNetwork parses the key of the label of a network, in which - stands for a colon.
func parseNetwork(key string) (netip.Prefix, error) {
	return netip.ParsePrefix(strings.ReplaceAll(key, "-", ":"))
}
