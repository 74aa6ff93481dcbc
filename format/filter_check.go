// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/monitor/internal/packet"
)

// check returns an error if no event can ever match f.
func (f *Filter) check() error {
	criteria := f.others
	if f.types != nil {
		criteria = append([]*criterion{f.types}, f.others...)
	}
	if err := checkTypes(criteria); err != nil {
		return err
	}
	if err := checkExclusions(criteria); err != nil {
		return err
	}
	return checkProtocols(criteria)
}

// checkTypes returns an error if there is no type of events that has what all
// criteria ask for.
func checkTypes(criteria []*criterion) error {
	left := everyType()
	for i, c := range criteria {
		types := c.anyTypes()
		if c.flag.name == "type" {
			for _, v := range c.none {
				types = types.without(v.types)
			}
			if types.empty() {
				return fmt.Errorf("no event can match %s: no type is left", c)
			}
		}
		if both := left.and(types); !both.empty() {
			left = both
			continue
		}
		// The criterion that this one contradicts, or all before if it takes several.
		others := criteria[:i]
		for j, o := range others {
			if o.anyTypes().and(types).empty() {
				others = others[j : j+1]
				break
			}
		}
		var names []string
		for _, o := range others {
			names = append(names, o.String())
		}
		return fmt.Errorf("no event can match %s together with %s: %s is only for events of type %s",
			strings.Join(names, " "), c, c, types.names())
	}
	return nil
}

// checkExclusions returns an error if --not excludes everything that a flag asks for.
func checkExclusions(criteria []*criterion) error {
	for _, c := range criteria {
		if len(c.any) == 0 {
			continue
		}
		for _, other := range criteria {
			if other.flag != c.flag && other.flag.name != c.flag.eitherSide {
				continue
			}
			excluded := func(v filterValue) bool {
				return slices.ContainsFunc(other.none, func(n filterValue) bool { return covers(n.key, v.key) })
			}
			if len(other.none) > 0 && !slices.ContainsFunc(c.any, func(v filterValue) bool { return !excluded(v) }) {
				return fmt.Errorf("no event can match: all that %s asks for is excluded by %s", c.wanted(), other.unwanted())
			}
		}
	}
	return nil
}

// covers reports whether an event that has value b always has value a.
func covers(a, b any) bool {
	if c, ok := a.(coverer); ok {
		return c.covers(b)
	}
	return a == b
}

// checkProtocols returns an error if TCP flags are asked for of packets without TCP. Any
// other protocol can have what the filter wants inside, or around it.
func checkProtocols(criteria []*criterion) error {
	for _, flags := range ofFlag(criteria, "tcp-flags") {
		tcp := scoped{flags.scope, protocolSet{packet.TCP, packet.TCP}}
		for _, protocol := range ofFlag(criteria, "protocol") {
			isTCP := func(v filterValue) bool { return covers(v.key, tcp) }
			if len(flags.any) > 0 && slices.ContainsFunc(protocol.none, isTCP) {
				return fmt.Errorf("no event can match %s together with %s: only tcp has that", flags, protocol)
			}
		}
	}
	return nil
}

// ofFlag returns the criteria of a flag.
func ofFlag(criteria []*criterion, name string) (all []*criterion) {
	for _, c := range criteria {
		if c.flag.name == name {
			all = append(all, c)
		}
	}
	return all
}
