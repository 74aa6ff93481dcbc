// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// agreeRules has each kind of rule, and addresses of corpus packets.
var agreeRules = []string{
	"udp/9999", "tcp/9999", "sctp/9999", "any/9999", "udp/8472", "udp", "tcp", "sctp", "icmp",
	"@8.0.0.1", "@10.0.0.0/31", "udp@10.0.0.2/31", "any@0.0.0.0/0", "@2001:db8:86dd::1", "@fd00::/127", "any@::/0",
	"udp/9999@8.0.0.0/31", "any/9999@::/0", "icmp@10.0.0.1", "icmp@::/0", "tcp@fd00::3",
}

// agreePackets is how many packets the corpus has.
const agreePackets = 600

// TestDatapathAndFiltersAgree has the programs and the printer's filters judge the same packets: what a rule
// drops, the filter for the same finds, in each of its events; and what that finds, the rule drops, unless
// it is of a packet in the packet, or spared.
func TestDatapathAndFiltersAgree(t *testing.T) {
	packets := newCorpus(agreePackets)
	whole := func(frame []byte) ([]byte, bool) { return frame, testable(frame) }
	withoutEthernet := func(frame []byte) ([]byte, bool) {
		etherType, ip := string(frame[12:14]), frame[14:]
		return ip, testable(ip) && (etherType == "\x08\x00" || etherType == "\x86\xdd") && string(ip[12:14]) == etherType
	}

	objects := new(hostObjects)
	loadInto(t, objects, func(*ebpf.CollectionSpec) {}, "udp/1", "udp/2")
	behindTag := loadTagged(t, unix.ETH_P_8021Q, testTCI, "udp/1", "udp/2")
	for _, p := range []judge{
		{"from_network", objects.FromNetwork, &objects.hostMaps, true, whole},
		{"to_network", objects.ToNetwork, &objects.hostMaps, false, whole},
		{"from_network_l3", objects.FromNetworkL3, &objects.hostMaps, true, withoutEthernet},
		{"to_network_l3", objects.ToNetworkL3, &objects.hostMaps, false, withoutEthernet},
		{"from_network behind a tag", behindTag.FromNetwork, &behindTag.hostMaps, true, whole},
	} {
		t.Run(p.name, func(t *testing.T) { p.agrees(t, packets) })
	}
}

// testable reports whether BPF_PROG_TEST_RUN takes the frame: it asks for a whole IP header where the type of
// Ethernet says so.
func testable(frame []byte) bool {
	size := 14
	if len(frame) >= size {
		switch binary.BigEndian.Uint16(frame[12:]) {
		case unix.ETH_P_IP:
			size += 20
		case unix.ETH_P_IPV6:
			size += 40
		}
	}
	return len(frame) >= size
}

// judge is a program that is held against filters.
type judge struct {
	name    string
	prog    *ebpf.Program
	maps    *hostMaps
	ingress bool
	packet  func(frame []byte) (packet []byte, ok bool) // that the program gets
}

func (p *judge) agrees(t *testing.T, packets []corpusPacket) {
	var dropped, tunnels int
	samples := p.samples(t, packets)
	ev := format.NewEvent(func(uint32) string { return "eth0" })
	matches := func(f *format.Filter, pl *payload.Payload) bool {
		ev.Decode(pl)
		require.NoError(t, ev.Err())
		return f.Match(ev)
	}
	carrier := mustParseFilter(t, "--outer", "--ip", "0.0.0.0/0,::/0")
	icmpv4OrV6 := mustParseFilter(t, "--protocol", "icmp")
	for _, text := range agreeRules {
		rule := mustParseRules(t, text)[0]
		p.deny(t, rule)
		found, ofCarrier := p.filter(t, rule), p.filter(t, rule, "--outer")
		for i := range packets {
			if len(samples[i]) == 0 {
				continue
			}
			packet, _ := p.packet(packets[i].frame)
			verdict, _, err := p.prog.Test(packet)
			require.NoError(t, err)
			denied := verdict == verdictDrop
			say := func(what string) string {
				return fmt.Sprintf("%s: rule %s, denied %v, packet %x", what, rule, denied, packet)
			}
			if denied {
				dropped++
				for _, pl := range samples[i] {
					require.True(t, matches(found, pl), say("the filter finds the events of what the rule drops"))
				}
			}
			trace := samples[i][0]
			switch k := &packets[i]; {
			case k.carries && !k.damaged && matches(carrier, trace):
				tunnels++
				require.Equal(t, matches(ofCarrier, trace), denied, say("of the headers around a packet"))
			case matches(carrier, trace):
			case !matches(icmpv4OrV6, trace):
				require.Equal(t, matches(found, trace), denied, say("of the only headers"))
			case !k.damaged && !k.carries:
				want := matches(found, trace) && !isSpared(rule, k.icmpType, trace.Data[27]&1 != 0)
				require.Equal(t, want, denied, say("of ICMP"))
			}
		}
	}
	t.Logf("%d times a packet was dropped, %d times a tunnel's was looked at", dropped, tunnels)
	require.NotZero(t, dropped)
	require.NotZero(t, tunnels)
}

// samples returns the events of each packet that the program gets when it passes and when it is dropped: the trace
// first. Afterwards nobody reads events any more.
func (p *judge) samples(t *testing.T, packets []corpusPacket) [][]*payload.Payload {
	t.Helper()
	rd, err := perf.NewReader(p.maps.CiliumEvents, 16*os.Getpagesize())
	require.NoError(t, err)
	defer rd.Close()
	samples := make([][]*payload.Payload, len(packets))
	for _, rules := range [][]string{{"udp/1@192.0.2.1"}, {"any@0.0.0.0/0", "any@::/0"}} {
		p.deny(t, mustParseRules(t, rules...)...)
		for i := range packets {
			packet, ok := p.packet(packets[i].frame)
			if !ok {
				continue
			}
			_, events := run(t, p.prog, rd, packet)
			require.NotEmpty(t, events)
			for _, e := range events {
				samples[i] = append(samples[i], &payload.Payload{Type: payload.EventSample, Data: e})
			}
		}
	}
	return samples
}

// deny puts rules in the place of those that the program was loaded with, at most as many.
func (p *judge) deny(t *testing.T, rules ...Rule) {
	t.Helper()
	for i := range 2 {
		entry := hostDenyRule{Family: 1} // of which no packet is
		if i < len(rules) {
			var err error
			entry, err = rules[i].entry(i + 1)
			require.NoError(t, err)
		}
		require.NoError(t, p.maps.DenyRules.Put(uint32(i), entry))
	}
}

// filter returns the filter that asks for what the rule does, of the headers that scope says.
func (p *judge) filter(t *testing.T, rule Rule, scope ...string) *format.Filter {
	var args []string
	add := func(flag, value string) { args = append(append(args, scope...), flag, value) }
	if rule.Protocol != ProtocolAny {
		add("--protocol", string(rule.Protocol))
	}
	if rule.Port != 0 {
		add("--dst-port", strconv.Itoa(int(rule.Port)))
	}
	if rule.Remote.IsValid() {
		add(map[bool]string{true: "--src-ip", false: "--dst-ip"}[p.ingress], rule.Remote.String())
	}
	return mustParseFilter(t, args...)
}

func mustParseFilter(t *testing.T, args ...string) *format.Filter {
	t.Helper()
	f, err := format.ParseFilter(args)
	require.NoError(t, err)
	return f
}

// isSpared tells whether the rule leaves a type of ICMP alone.
func isSpared(rule Rule, icmpType int, v6 bool) bool {
	if v6 && slices.Contains(linkV6, icmpType) {
		return true
	}
	return rule.Protocol == ProtocolICMP && slices.Contains(map[bool][]int{false: errorsV4, true: errorsV6}[v6], icmpType)
}
