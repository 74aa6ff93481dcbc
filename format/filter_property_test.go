// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// question is a value that filters ask for, in one scope, with --not and without.
type question struct {
	args    string
	yes, no *format.Filter
	answer  func(has func(flag, value string) bool) bool
	scope   string // "" for anywhere
}

// questions asks for each value that a random packet can have, and for some that none has.
func questions(t *testing.T) (all []question) {
	add := func(flag, value string, answer func(has func(flag, value string) bool) bool) {
		for _, scope := range []string{"", scopeOuter, scopeInner} {
			args := []string{"--" + flag, value}
			if scope != "" {
				args = append([]string{"--" + scope}, args...)
			}
			yes, err := format.ParseFilter(args)
			require.NoError(t, err)
			no, err := format.ParseFilter(append([]string{"--not"}, args...))
			require.NoError(t, err)
			all = append(all, question{fmt.Sprint(args), yes, no, answer, scope})
		}
	}
	sided := func(flag, value string, is func(has func(flag, value string) bool, flag string) bool) {
		add("src-"+flag, value, func(has func(flag, value string) bool) bool { return is(has, "src-"+flag) })
		add("dst-"+flag, value, func(has func(flag, value string) bool) bool { return is(has, "dst-"+flag) })
		add(flag, value, func(has func(flag, value string) bool) bool { return is(has, "src-"+flag) || is(has, "dst-"+flag) })
	}
	for _, ip := range append([]string{"203.0.113.1", "2001:db8:9::9"}, append(ipv4Pool, ipv6Pool...)...) {
		sided("ip", ip, func(has func(flag, value string) bool, flag string) bool { return has(flag, ip) })
	}
	sided("ip", "10.0.0.0/24", func(has func(flag, value string) bool, flag string) bool {
		return has(flag, "10.0.0.1") || has(flag, "10.0.0.2")
	})
	for _, port := range append([]uint16{0, 9, 8472, 6081, 40000}, portPool...) {
		value := strconv.Itoa(int(port))
		sided("port", value, func(has func(flag, value string) bool, flag string) bool { return has(flag, value) })
	}
	sided("port", "50-80", func(has func(flag, value string) bool, flag string) bool { return has(flag, "53") || has(flag, "80") })
	for number := range 256 {
		value := strconv.Itoa(number)
		add("protocol", value, func(has func(flag, value string) bool) bool { return has("protocol", value) })
	}
	add("protocol", "icmp", func(has func(flag, value string) bool) bool { return has("protocol", "1") || has("protocol", "58") })
	add("protocol", "ICMPv6", func(has func(flag, value string) bool) bool { return has("protocol", "58") })
	for _, flag := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		add("tcp-flags", flag, func(has func(flag, value string) bool) bool { return has("tcp-flags", flag) })
	}
	return all
}

// events returns one event of each type that can have the packet, and what besides the packet they have.
func (p *randomPacket) events() map[*payload.Payload][]fact {
	all := map[*payload.Payload][]fact{
		drop(p.bytes, func(n *api.DropNotify) { n.Flags = p.flags }):   nil,
		trace(p.bytes, func(n *api.TraceNotify) { n.Flags = p.flags }): nil,
	}
	if p.flags&^api.FlagL3Device != 0 { // a tunnel, which the others do not tell
		return all
	}
	l3 := uint8(0)
	if p.flags != 0 {
		l3 = api.PolicyVerdictFlagL3Device
	} else {
		all[capture(api.CaptureDelivery, 2, p.bytes)] = nil
	}
	port, protocol := pick(p, portPool), pick(p, []uint8{ipTCP, ipUDP, ipSCTP, ipICMP, ipICMPv6})
	said := []fact{{scopeInner, "protocol", strconv.Itoa(int(protocol))}}
	if protocol != ipICMP && protocol != ipICMPv6 {
		said = append(said, fact{scopeInner, "dst-port", strconv.Itoa(int(port))})
	}
	all[verdict(p.bytes, func(n *api.PolicyVerdictNotify) { n.DstPort, n.Proto, n.Flags = port, protocol, l3 })] = said
	return all
}

// has reports whether the packet has a value in a scope, or the event says so.
func (p *randomPacket) has(scope, flag, value string, said []fact) bool {
	for _, s := range []string{scopeOuter, scopeInner} {
		if scope != "" && scope != s {
			continue
		}
		f := fact{s, flag, value}
		if p.facts[f] {
			return true
		}
		for _, other := range said {
			if other == f {
				return true
			}
		}
	}
	return false
}

// TestFiltersAreTrue asks random packets for all values, in what they have of tunnels and outside: a
// filter matches if the packet has the value, and only then, and its negation if it has not.
func TestFiltersAreTrue(t *testing.T) {
	all := questions(t)
	ev := format.NewEvent(interfaceName)
	for seed := range uint64(300) {
		p := newRandomPacket(rand.New(rand.NewPCG(seed, 1)))
		for pl, said := range p.events() {
			ev.Decode(pl)
			require.NoError(t, ev.Err())
			for _, q := range all {
				want := q.answer(func(flag, value string) bool { return p.has(q.scope, flag, value, said) })
				if q.yes.Match(ev) != want || q.no.Match(ev) == want {
					require.Failf(t, "a filter is not true", "seed %d: %s should be %t of %x\n%s", seed, q.args, want, p.bytes,
						print(format.Options{Level: format.LevelVerbose}, pl))
				}
			}
		}
	}
}

// TestFiltersOfCutPackets asks packets that were not captured to their end: they have nothing that the
// whole packet has not.
func TestFiltersOfCutPackets(t *testing.T) {
	all := questions(t)
	ev := format.NewEvent(interfaceName)
	for seed := range uint64(20) {
		whole := newRandomPacket(rand.New(rand.NewPCG(seed, 2)))
		for n := range whole.bytes {
			ev.Decode(trace(whole.bytes[:n], func(t *api.TraceNotify) { t.Flags, t.OrigLen = whole.flags, uint32(len(whole.bytes)) }))
			for _, q := range all {
				matches := q.yes.Match(ev)
				require.NotEqual(t, matches, q.no.Match(ev))
				// Of a tunnel that was cut it is not known that it is one.
				if matches && q.scope == "" && !q.answer(func(flag, value string) bool { return whole.has("", flag, value, nil) }) {
					require.Failf(t, "a filter is not true", "seed %d: %s matches %d bytes of %x", seed, q.args, n, whole.bytes)
				}
			}
		}
	}
}
