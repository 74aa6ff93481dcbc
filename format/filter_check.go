// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
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
	if err := checkProtocols(criteria); err != nil {
		return err
	}
	return checkFamilies(criteria)
}

// checkTypes returns an error if there is no type of events that has what all
// criteria ask for.
func checkTypes(criteria []*criterion) error {
	left := typesWith(allTypes)
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
			if other != c && other.flag.name != c.flag.eitherSide {
				continue
			}
			excluded := func(v filterValue) bool {
				return slices.ContainsFunc(other.none, func(n filterValue) bool { return covers(n.key, v.key) })
			}
			if len(other.none) > 0 && !slices.ContainsFunc(c.any, func(v filterValue) bool { return !excluded(v) }) {
				return fmt.Errorf("no event can match: all that %s asks for is excluded by --not --%s", c, other.flag.name)
			}
		}
	}
	return nil
}

// covers reports whether an event that has value b always has value a.
func covers(a, b any) bool {
	prefix, ok := a.(netip.Prefix)
	if !ok {
		return a == b
	}
	inner := b.(netip.Prefix)
	return prefix.Bits() <= inner.Bits() && prefix.Contains(inner.Addr())
}

// checkProtocols returns an error if ports or TCP flags are asked for of a protocol that
// does not have them.
func checkProtocols(criteria []*criterion) error {
	protocol := find(criteria, "protocol")
	if protocol == nil {
		return nil
	}
	allowed := func(number uint8) bool {
		is := func(v filterValue) bool { return v.key == number }
		return !slices.ContainsFunc(protocol.none, is) && (len(protocol.any) == 0 || slices.ContainsFunc(protocol.any, is))
	}
	for _, r := range []struct {
		flag      string
		protocols []uint8
		names     string
	}{
		{"tcp-flags", []uint8{protocolTCP}, "tcp"},
		{"port", []uint8{protocolTCP, protocolUDP, protocolSCTP}, "tcp, udp or sctp"},
		{"src-port", []uint8{protocolTCP, protocolUDP, protocolSCTP}, "tcp, udp or sctp"},
		{"dst-port", []uint8{protocolTCP, protocolUDP, protocolSCTP}, "tcp, udp or sctp"},
	} {
		c := find(criteria, r.flag)
		if c == nil || len(c.any) == 0 || slices.ContainsFunc(r.protocols, allowed) {
			continue
		}
		return fmt.Errorf("no event can match %s together with %s: only %s has that", c, protocol, r.names)
	}
	return nil
}

// checkFamilies returns an error if one side is to be IPv4 and the other IPv6.
func checkFamilies(criteria []*criterion) error {
	const (
		ipv4 = 1 << iota
		ipv6
	)
	left := ipv4 | ipv6
	var asked []string
	for _, name := range []string{"ip", "src-ip", "dst-ip"} {
		c := find(criteria, name)
		if c == nil || len(c.any) == 0 {
			continue
		}
		asked = append(asked, c.String())
		families := 0
		for _, v := range c.any {
			if v.key.(netip.Prefix).Addr().Is4() {
				families |= ipv4
			} else {
				families |= ipv6
			}
		}
		if left &= families; left == 0 {
			return fmt.Errorf("no event can match %s: source and destination of a packet are both IPv4 or both IPv6",
				strings.Join(asked, " together with "))
		}
	}
	return nil
}

// find returns the criterion of a flag, nil if it is not given.
func find(criteria []*criterion, name string) *criterion {
	for _, c := range criteria {
		if c.flag.name == name {
			return c
		}
	}
	return nil
}
