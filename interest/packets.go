// SPDX-License-Identifier: Apache-2.0

package interest

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/internal/packet"
)

// normalRules returns the rules with their values in order, each once, nil if a rule matches whatever there is.
func normalRules(rules []session.PacketRule) []session.PacketRule {
	var all []session.PacketRule
	for _, r := range rules {
		if len(r.Protocols) == 0 && len(r.Ports) == 0 && len(r.CIDRs) == 0 {
			return nil
		}
		n := session.PacketRule{Protocols: sorted(r.Protocols), Ports: mergedPorts(r.Ports)}
		for _, c := range r.CIDRs {
			n.CIDRs = append(n.CIDRs, c.Masked())
		}
		slices.SortFunc(n.CIDRs, comparePrefixes)
		n.CIDRs = slices.Compact(n.CIDRs)
		if !slices.ContainsFunc(all, func(r session.PacketRule) bool { return equalRules(r, n) }) {
			all = append(all, n)
		}
	}
	return all
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// mergedPorts returns the ranges in order, with those as one that touch each other.
func mergedPorts(ranges []session.PortRange) []session.PortRange {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b session.PortRange) int { return cmp.Compare(a.First, b.First) })
	var merged []session.PortRange
	for _, r := range ranges {
		if n := len(merged); n > 0 && int(r.First) <= int(merged[n-1].Last)+1 {
			merged[n-1].Last = max(merged[n-1].Last, r.Last)
		} else {
			merged = append(merged, r)
		}
	}
	return merged
}

func equalRules(a, b session.PacketRule) bool {
	return slices.Equal(a.Protocols, b.Protocols) && slices.Equal(a.Ports, b.Ports) && slices.Equal(a.CIDRs, b.CIDRs)
}

// shown is how many rules, and values of a kind in a rule, are told to people.
const shown = 4

// rulesText describes rules to people.
func rulesText(rules []session.PacketRule) string {
	return "packets of " + few(rules, " or ", ruleText)
}

func ruleText(r session.PacketRule) string {
	var parts []string
	if len(r.Protocols) > 0 {
		parts = append(parts, few(r.Protocols, ", ", protocolText))
	}
	if len(r.Ports) > 0 {
		parts = append(parts, "port "+few(r.Ports, ", ", portText))
	}
	if len(r.CIDRs) > 0 {
		parts = append(parts, few(r.CIDRs, ", ", netip.Prefix.String))
	}
	return strings.Join(parts, " ")
}

func few[T any](values []T, separator string, text func(T) string) string {
	var texts []string
	for _, v := range values[:min(len(values), shown)] {
		texts = append(texts, text(v))
	}
	if more := len(values) - shown; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, separator)
}

func protocolText(number int) string {
	switch uint8(number) {
	case packet.TCP:
		return "tcp"
	case packet.UDP:
		return "udp"
	case packet.SCTP:
		return "sctp"
	case packet.ICMPv4:
		return "icmpv4"
	case packet.ICMPv6:
		return "icmpv6"
	default:
		return fmt.Sprintf("protocol %d", number)
	}
}

func portText(r session.PortRange) string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}
