// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/wanted"
)

// packetTypes are the types that the programs make.
var packetTypes = []uint8{api.MessageTypeDrop, api.MessageTypeTrace, api.MessageTypePolicyVerdict}

// wantPackets has the programs make only the events that somebody wants.
func wantPackets(t *testing.T, maps *hostMaps, i interest.Interest) {
	t.Helper()
	w := &source.Wanted{Packets: i.Normal().Packets}
	for _, typ := range packetTypes {
		w.Types.Add(typ)
		if i.RefinesPackets(typ) {
			w.Refined.Add(typ)
		}
	}
	w.DropReasons.AddAll(i.DropReasons)
	require.NoError(t, maps.EventsWanted.Put(uint32(0), wanted.ValueOf(w)))
}

// TestWantedPackets has events made of packets that somebody wants, and of no others.
func TestWantedPackets(t *testing.T) {
	objects, rd := loadPrograms(t, "udp/9999")
	v4, v6, denied := udp4("10.0.0.1", "10.0.0.2", 53), udp6("fd00::1", "::ffff:10.0.0.2", 53), udp4("10.0.0.1", "10.0.0.2", 9999)
	port := func(first, last uint16) session.PacketRule {
		return session.PacketRule{Ports: []session.PortRange{{First: first, Last: last}}}
	}
	network := func(cidr string) session.PacketRule {
		return session.PacketRule{CIDRs: session.CIDRs{netip.MustParsePrefix(cidr)}}
	}
	protocol := func(numbers ...int) session.PacketRule { return session.PacketRule{Protocols: numbers} }
	var many []session.PacketRule
	for i := range uint16(wanted.MaxRules) {
		many = append(many, port(1000+i, 1000+i))
	}
	trace, all := []int{api.MessageTypeTrace}, []int{api.MessageTypeTrace, api.MessageTypePolicyVerdict, api.MessageTypeDrop}
	for _, tc := range []struct {
		name           string
		rules          []session.PacketRule
		v4, v6, denied []int
	}{
		{"a port", []session.PacketRule{port(53, 53)}, trace, trace, nil},
		{"ports, also of the source", []session.PacketRule{port(54, 65535)}, trace, trace, all},
		{"no port", []session.PacketRule{port(0, 52)}, nil, nil, nil},
		{"another one", []session.PacketRule{port(1, 1), port(9999, 9999)}, nil, nil, all},
		{"a protocol", []session.PacketRule{protocol(1, 17)}, trace, trace, all},
		{"another protocol", []session.PacketRule{protocol(0)}, nil, nil, nil},
		{"a network", []session.PacketRule{network("10.0.0.1/32")}, trace, nil, all},
		{"an IPv4-mapped address", []session.PacketRule{network("10.0.0.2/31")}, trace, trace, all},
		{"IPv4", []session.PacketRule{network("0.0.0.0/0")}, trace, trace, all},
		{"IPv6", []session.PacketRule{network("::/0")}, nil, trace, nil},
		{"a network of IPv6", []session.PacketRule{network("fd00::/127")}, nil, trace, nil},
		{"another network", []session.PacketRule{network("fd00::2/127"), network("10.1.0.0/16")}, nil, nil, nil},
		{"as many as there can be", many, nil, nil, nil},
		{"too many", append(many, port(1, 1)), trace, trace, all},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantPackets(t, &objects.hostMaps, interest.Interest{Packets: tc.rules})
			for _, p := range []struct {
				packet []byte
				events []int
			}{{v4, tc.v4}, {v6, tc.v6}, {denied, tc.denied}} {
				_, events := run(t, objects.FromNetwork, rd, p.packet)
				require.Equal(t, p.events, types(events))
			}
		})
	}
	t.Run("drop reasons", func(t *testing.T) {
		wantPackets(t, &objects.hostMaps, interest.Interest{DropReasons: []uint8{132}})
		_, events := run(t, objects.FromNetwork, rd, denied)
		require.Equal(t, []int{api.MessageTypeTrace, api.MessageTypePolicyVerdict}, types(events))
		wantPackets(t, &objects.hostMaps, interest.Interest{DropReasons: []uint8{133}})
		_, events = run(t, objects.FromNetwork, rd, denied)
		require.Equal(t, all, types(events))
	})
	t.Run("an agent of version 1", func(t *testing.T) {
		old := wanted.ValueOf(&source.Wanted{Packets: []session.PacketRule{port(1, 1)}, Refined: source.Types{1 << 4}})
		old.Version = 1
		old.Types.AddAll(packetTypes)
		require.NoError(t, objects.EventsWanted.Put(uint32(0), old))
		_, events := run(t, objects.FromNetwork, rd, denied)
		require.Equal(t, all, types(events))
	})
}

// randomInterest is in packets of which the corpus has some.
func randomInterest(r *rand.Rand) (i interest.Interest) {
	networks := []string{"8.0.0.1/32", "10.0.0.0/30", "10.0.0.2/31", "0.0.0.0/0", "2001:db8:86dd::/64", "fd00::2/127", "::/0", "192.0.2.0/24"}
	for range 1 + r.IntN(3) {
		var rule session.PacketRule
		if r.IntN(2) == 0 {
			rule.Protocols = []int{[]int{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6, unix.IPPROTO_SCTP, unix.IPPROTO_GRE, 0}[r.IntN(7)]}
		}
		if r.IntN(2) == 0 {
			first := []uint16{9999, 8472, 0, 53, 40000}[r.IntN(5)]
			rule.Ports = []session.PortRange{{First: first, Last: first + uint16(r.IntN(2))*100}}
		}
		if rule.Protocols == nil && rule.Ports == nil || r.IntN(2) == 0 {
			rule.CIDRs = session.CIDRs{netip.MustParsePrefix(networks[r.IntN(len(networks))])}
		}
		i.Packets = append(i.Packets, rule)
	}
	return i
}

// TestNothingWantedIsMissing asks for random packets: no event is missing that user space would find, and of those
// that it would not, many are not made.
func TestNothingWantedIsMissing(t *testing.T) {
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
		{"from_network behind a tag", behindTag.FromNetwork, &behindTag.hostMaps, true, whole},
	} {
		t.Run(p.name, func(t *testing.T) { p.missesNothing(t, packets) })
	}
}

func (p *judge) missesNothing(t *testing.T, packets []corpusPacket) {
	rd, err := perf.NewReader(p.maps.CiliumEvents, 16*os.Getpagesize())
	require.NoError(t, err)
	defer rd.Close()
	r := rand.New(rand.NewPCG(13, 3))
	var wantedEvents, notMade, unwantedEvents int
	for _, rules := range [][]string{{"udp/1@192.0.2.1"}, {"any@0.0.0.0/0", "any@::/0"}} {
		p.deny(t, mustParseRules(t, rules...)...)
		for i := range packets {
			packet, ok := p.packet(packets[i].frame)
			if !ok {
				continue
			}
			require.NoError(t, p.maps.EventsWanted.Put(uint32(0), wanted.Value{}))
			verdict, events := run(t, p.prog, rd, packet)
			for range 5 {
				wants := randomInterest(r)
				wantPackets(t, p.maps, wants)
				same, made := run(t, p.prog, rd, packet)
				require.Equal(t, verdict, same)
				for _, e := range events {
					isMade := slices.Contains(types(made), e.typ())
					switch {
					case wants.Wants(e):
						wantedEvents++
						require.True(t, isMade, "%s of %x, which is %s", fmt.Sprint(e.typ()), packet, wants)
					case isMade:
						unwantedEvents++
					default:
						notMade++
					}
				}
			}
		}
	}
	t.Logf("%d events were wanted, %d not made, %d made for nobody", wantedEvents, notMade, unwantedEvents)
	require.Greater(t, wantedEvents, 100)
	require.Greater(t, notMade, 200, "of simple packets")
}

// ipv4With is a packet of IPv4 with what is behind its header.
func ipv4With(protocol byte, payload ...byte) []byte {
	head := []byte{
		12: 0x08, 0x00, // Ethernet
		0x45, 0, 0, byte(20 + len(payload)), 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
	}
	return append(head, payload...)
}

// TestWhatIsNotSimpleIsWanted has packets of which the programs do not know all, or that are malformed, beside the same
// that are not.
func TestWhatIsNotSimpleIsWanted(t *testing.T) {
	objects, rd := loadPrograms(t)
	wantPackets(t, &objects.hostMaps, interest.Interest{Packets: []session.PacketRule{{Protocols: []int{200}}}})
	fragment := ipv4With(unix.IPPROTO_TCP, make([]byte, 20)...)
	fragment[21] = 1
	// header is one of so many bytes, with ports, and a byte at an offset.
	header := func(size, at int, value byte) []byte {
		b := make([]byte, size)
		copy(b, []byte{0x9c, 0x40, 0, 80})
		b[at] = value
		return b
	}
	for _, tc := range []struct {
		name   string
		packet []byte
		made   bool
	}{
		{"TCP", ipv4With(unix.IPPROTO_TCP, header(20, 12, 0x50)...), false},
		{"TCP with options", ipv4With(unix.IPPROTO_TCP, header(24, 12, 0x60)...), false},
		{"TCP with options that are cut", ipv4With(unix.IPPROTO_TCP, header(20, 12, 0x60)...), true},
		{"TCP with a short header", ipv4With(unix.IPPROTO_TCP, header(20, 12, 0x40)...), true},
		{"TCP that is cut", ipv4With(unix.IPPROTO_TCP, header(19, 12, 0x50)...), true},
		{"a later fragment", fragment, true},
		{"UDP", ipv4With(unix.IPPROTO_UDP, header(8, 5, 8)...), false},
		{"UDP of more than 64 KiB", ipv4With(unix.IPPROTO_UDP, header(8, 5, 0)...), false},
		{"UDP with a short length", ipv4With(unix.IPPROTO_UDP, header(8, 5, 7)...), true},
		{"UDP that is cut", ipv4With(unix.IPPROTO_UDP, header(7, 5, 8)...), true},
		{"SCTP", ipv4With(unix.IPPROTO_SCTP, header(12, 4, 0)...), false},
		{"SCTP that is cut", ipv4With(unix.IPPROTO_SCTP, header(11, 4, 0)...), true},
		{"echo request", ipv4With(unix.IPPROTO_ICMP, header(8, 0, 8)...), false},
		{"echo reply", ipv4With(unix.IPPROTO_ICMP, header(8, 0, 0)...), false},
		{"an echo that is cut", ipv4With(unix.IPPROTO_ICMP, header(7, 0, 0)...), true},
		{"an error", ipv4With(unix.IPPROTO_ICMP, header(8, 0, 3)...), true},
		{"ICMPv6 in IPv4", ipv4With(unix.IPPROTO_ICMPV6, header(8, 0, 128)...), true},
		{"what is not looked at", ipv4With(unix.IPPROTO_GRE, header(8, 0, 0)...), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, events := run(t, objects.FromNetwork, rd, tc.packet)
			require.Equal(t, tc.made, len(events) == 1)
		})
	}
}

// TestNothingIsMissingWhileRulesChange has others come and go while somebody wants a port: none of its events is missing.
func TestNothingIsMissingWhileRulesChange(t *testing.T) {
	objects, rd := loadPrograms(t)
	clone, err := objects.EventsWanted.Clone()
	require.NoError(t, err)
	m := wanted.Of(clone)
	defer m.Close()
	set := func(ports ...uint16) {
		w := &source.Wanted{Types: source.Types{1 << api.MessageTypeTrace}, Refined: source.Types{1 << api.MessageTypeTrace}}
		for _, port := range ports {
			w.Packets = append(w.Packets, session.PacketRule{Ports: []session.PortRange{{First: port, Last: port}}})
		}
		assert.NoError(t, m.Set(w))
	}
	set(53)
	done := make(chan struct{})
	var changing sync.WaitGroup
	defer changing.Wait()
	defer close(done)
	changing.Go(func() {
		for i := uint16(0); ; i++ {
			select {
			case <-done:
				return
			default:
				others := []uint16{1000 + i, 2000, 3000 + i, 53}
				set(others[i%4:]...)
			}
		}
	})
	packet, unwanted := udp4("10.0.0.1", "10.0.0.2", 53), udp4("10.0.0.1", "10.0.0.2", 54)
	for range 2000 {
		_, events := run(t, objects.FromNetwork, rd, packet)
		require.Len(t, events, 1)
		run(t, objects.FromNetwork, rd, unwanted)
	}
}
