// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/monitor/internal/cidr"
	"github.com/cilium/monitor/internal/packet"
	"github.com/cilium/monitor/internal/suggest"
)

// The values here are asked of each packet in a packet: what tunnels are made of, what they carry, and
// what an ICMP error is about.

// scope says which of these a value is asked of.
type scope packet.Scope

const (
	anywhere = scope(packet.Anywhere)
	outer    = scope(packet.Outer)
	inner    = scope(packet.Inner)
)

// flag returns the flag that stands for s before a filter flag.
func (s scope) flag() string { return [...]string{"", "outer", "inner"}[s] }

// types returns the message types of which s asks something.
func (s scope) types() typeSet {
	if s == outer {
		return typesWith(hasPacket)
	}
	return typesWith(hasTraffic)
}

// scoped is the key of a value that is asked of headers.
type scoped struct {
	scope scope
	value coverer
}

// coverer is a key of values one of which another can be a part of.
type coverer interface {
	// covers reports whether whatever has the value of the other key has this one's.
	covers(other any) bool
}

func (k scoped) covers(other any) bool {
	o, ok := other.(scoped)
	return ok && (k.scope == anywhere || k.scope == o.scope) && k.value.covers(o.value)
}

// traffic is what an event says itself of who talks to whom, without a packet or besides it. What it does
// not say is zero.
type traffic struct {
	src, dst         netip.Addr // never IPv4-mapped
	srcPort, dstPort uint16
	protocol         uint8
	hasProtocol      bool
}

// traffic returns what e, which is decoded, says itself, to who asks that of s.
func (e *Event) traffic(s scope) traffic {
	if e.desc.traffic == nil || s == outer {
		return traffic{}
	}
	return e.desc.traffic(e)
}

type addresses netip.Prefix

func (a addresses) covers(other any) bool {
	outer, inner := netip.Prefix(a), netip.Prefix(other.(addresses))
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

func ipValue(src, dst bool) func(string, scope) (filterValue, error) {
	return func(text string, s scope) (filterValue, error) {
		prefix, err := parsePrefix(text)
		if err != nil {
			return filterValue{}, err
		}
		return filterValue{types: s.types(), key: scoped{s, addresses(prefix)}, match: func(e *Event) bool {
			if t := e.traffic(s); src && prefix.Contains(t.src) || dst && prefix.Contains(t.dst) {
				return true
			}
			return e.dissection().HasAddress(packet.Scope(s), prefix, src, dst)
		}}, nil
	}
}

// parsePrefix returns the network of a CIDR, or of an address alone. One that is IPv4-mapped stands for
// IPv4.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := cidr.Parse(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}

func portValue(src, dst bool) func(string, scope) (filterValue, error) {
	return func(text string, s scope) (filterValue, error) {
		ports, err := parsePorts(text)
		if err != nil {
			return filterValue{}, err
		}
		return filterValue{types: s.types(), key: scoped{s, ports}, match: func(e *Event) bool {
			// A port that the event itself says is not 0, which stands for none.
			t := e.traffic(s)
			if src && t.srcPort != 0 && ports.has(t.srcPort) || dst && t.dstPort != 0 && ports.has(t.dstPort) {
				return true
			}
			d := e.dissection()
			return slices.ContainsFunc(ports, func(r [2]uint16) bool {
				return d.HasPort(packet.Scope(s), r[0], r[1], src, dst)
			})
		}}, nil
	}
}

// protocolSet are the numbers that stand for a protocol: more than one for ICMP.
type protocolSet [2]uint8

func (s protocolSet) has(number uint8) bool { return number == s[0] || number == s[1] }

func (s protocolSet) covers(other any) bool {
	o := other.(protocolSet)
	return s.has(o[0]) && s.has(o[1])
}

func parseProtocol(text string, s scope) (filterValue, error) {
	set, err := parseProtocolSet(text)
	if err != nil {
		return filterValue{}, err
	}
	return filterValue{types: s.types(), key: scoped{s, set}, match: func(e *Event) bool {
		if t := e.traffic(s); t.hasProtocol && set.has(t.protocol) {
			return true
		}
		d, s := e.dissection(), packet.Scope(s)
		return d.HasProtocol(s, set[0]) || set[1] != set[0] && d.HasProtocol(s, set[1])
	}}, nil
}

func parseProtocolSet(text string) (protocolSet, error) {
	if strings.EqualFold(text, "icmp") {
		return protocolSet{packet.ICMPv4, packet.ICMPv6}, nil // as bpf.ParseRule has it
	}
	if i := slices.IndexFunc(protocols[:], func(p protocolName) bool { return strings.EqualFold(p.name, text) }); i >= 0 {
		return protocolSet{protocols[i].number, protocols[i].number}, nil
	}
	if i := slices.IndexFunc(ianaProtocols[:], func(name string) bool { return text != "" && strings.EqualFold(name, text) }); i >= 0 {
		return protocolSet{uint8(i), uint8(i)}, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		meant := suggest.DidYouMean(text, commonProtocolNames())
		if meant == "" {
			meant = suggest.DidYouMean(text, protocolNames())
		}
		return protocolSet{}, fmt.Errorf("protocol %q is neither a number from 0 to 255 nor the name of one, as IANA has it, or of %s%s",
			text, strings.Join(commonProtocolNames(), ", "), meant)
	}
	return protocolSet{uint8(n), uint8(n)}, nil
}

func commonProtocolNames() (names []string) {
	for _, p := range protocols {
		names = append(names, p.name)
	}
	return names
}

func protocolNames() []string {
	names := commonProtocolNames()
	for _, name := range ianaProtocols {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

type tcpFlag uint8

func (f tcpFlag) covers(other any) bool { return f == other }

func parseTCPFlag(text string, s scope) (filterValue, error) {
	for _, f := range tcpFlagNames {
		if !strings.EqualFold(f.name, text) {
			continue
		}
		return filterValue{types: typesWith(hasPacket), key: scoped{s, tcpFlag(f.bit)}, match: func(e *Event) bool {
			d := e.dissection()
			for i := range d.Headers {
				if d.Headers[i].TCPFlags&f.bit != 0 && packet.Scope(s).Has(&d.Headers[i]) {
					return true
				}
			}
			return false
		}}, nil
	}
	names := namesOfTCPFlags()
	return filterValue{}, fmt.Errorf("no TCP flag %q: there are %s%s", text, strings.Join(names, ", "), suggest.DidYouMean(text, names))
}

func namesOfTCPFlags() (names []string) {
	for _, f := range tcpFlagNames {
		names = append(names, f.name)
	}
	return names
}
