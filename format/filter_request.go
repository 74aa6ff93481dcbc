// SPDX-License-Identifier: Apache-2.0

package format

import (
	"math"
	"net/netip"
	"slices"

	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/internal/packet"
)

// Request returns what to ask an agent for, so that all events come that f matches, and as few others as a
// request can say. f still has to be asked of what comes. Types that are registered later are asked for, too, unless f
// names types.
//
// What cannot be decoded does not come if nothing of its type can match.
func (f *Filter) Request() session.Request {
	return session.Request{Types: f.requestTypes(), DropReasons: f.requestDropReasons(), Packets: f.requestPackets()}
}

// requestTypes returns the types of which an event can match, nil for all.
func (f *Filter) requestTypes() []int {
	known := everyType()
	types := everyNumber // also those that nobody can decode
	if f.types != nil {
		if len(f.types.any) > 0 {
			types = f.types.anyTypes()
		}
		for _, v := range f.types.none {
			types = types.without(v.types)
		}
	}
	for _, c := range f.others {
		types = types.without(known.without(c.anyTypes()))
	}
	if types == everyNumber {
		return nil
	}
	return types.numbers()
}

// requestDropReasons returns the reasons that a drop can have, nil for all.
func (f *Filter) requestDropReasons() []int {
	reasons := everyNumber
	for _, c := range ofFlag(f.others, "drop-reason") {
		var wanted typeSet
		for _, v := range c.any {
			known, _ := v.key.(dropReasons) // without any for a value that nobody knows, see FilterFlags.Renamed
			wanted = wanted.or(known.codes)
		}
		if len(c.any) > 0 {
			reasons = reasons.and(wanted)
		}
		for _, v := range c.none {
			known, _ := v.key.(dropReasons)
			reasons = reasons.without(known.codes)
		}
	}
	if reasons == everyNumber || reasons.empty() { // if empty, no drop matches: that is for the types to say
		return nil
	}
	return reasons.numbers()
}

// requestPackets returns a rule for the packets that can match, nil if it can be any.
func (f *Filter) requestPackets() []session.PacketRule {
	var rule session.PacketRule
	for _, c := range f.others {
		var protocols []int
		var ports []session.PortRange
		var cidrs session.CIDRs
		for _, v := range c.any {
			key, _ := v.key.(scoped) // without a value if it is not asked of headers
			switch value := key.value.(type) {
			case protocolSet:
				protocols = append(protocols, int(value[0]), int(value[1]))
			case tcpFlag:
				protocols = []int{int(packet.TCP)}
			case portSet:
				for _, r := range value {
					ports = append(ports, session.PortRange{First: r[0], Last: r[1]})
				}
			case addresses:
				cidrs = append(cidrs, netip.Prefix(value))
			}
		}
		slices.Sort(protocols)
		protocols = slices.Compact(protocols)
		// Of several flags that ask for the same, one has to do: a packet must have something of each.
		if rule.Protocols == nil {
			rule.Protocols = protocols
		}
		if rule.Ports == nil && len(ports) <= session.MaxRuleValues {
			rule.Ports = ports
		}
		if rule.CIDRs == nil && len(cidrs) <= session.MaxRuleValues {
			rule.CIDRs = cidrs
		}
	}
	if rule.Protocols == nil && rule.Ports == nil && rule.CIDRs == nil {
		return nil
	}
	return []session.PacketRule{rule}
}

// everyNumber has all types, also those that there are not.
var everyNumber = typeSet{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}

// numbers returns what is in s, ascending.
func (s typeSet) numbers() []int {
	var numbers []int
	for n := range 256 {
		if s.has(n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
