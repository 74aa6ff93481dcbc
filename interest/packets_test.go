// SPDX-License-Identifier: Apache-2.0

package interest_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
)

// serialize makes a packet of layers, with lengths.
func serialize(t testing.TB, all ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, all...))
	return buf.Bytes()
}

func ethernet(next layers.EthernetType) *layers.Ethernet {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	return &layers.Ethernet{SrcMAC: mac, DstMAC: mac, EthernetType: next}
}

func ipv4(src, dst string, next layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, Protocol: next, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
}

// tcp is a packet from 10.0.0.1 to port 443 of 10.0.0.2.
func tcp(t testing.TB) []byte {
	return serialize(t, ethernet(layers.EthernetTypeIPv4), ipv4("10.0.0.1", "10.0.0.2", layers.IPProtocolTCP),
		&layers.TCP{SrcPort: 40000, DstPort: 443, SYN: true})
}

// dnsInVXLAN is a query of fd00::1 to port 53 of fd00::2, between 192.168.0.1 and 192.168.0.2.
func dnsInVXLAN(t testing.TB) []byte {
	return serialize(t, ethernet(layers.EthernetTypeIPv4), ipv4("192.168.0.1", "192.168.0.2", layers.IPProtocolUDP),
		&layers.UDP{SrcPort: 50000, DstPort: 8472}, &layers.VXLAN{ValidIDFlag: true}, ethernet(layers.EthernetTypeIPv6),
		&layers.IPv6{Version: 6, NextHeader: layers.IPProtocolUDP, SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2")},
		&layers.UDP{SrcPort: 40000, DstPort: 53}, gopacket.Payload("query"))
}

func arp(t testing.TB) []byte {
	return serialize(t, ethernet(layers.EthernetTypeARP), &layers.ARP{
		Protocol: layers.EthernetTypeIPv4, SourceHwAddress: make([]byte, 6), SourceProtAddress: []byte{10, 0, 0, 1},
		DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 0, 2},
	})
}

func trace(packet []byte, change ...func(*api.TraceNotify)) []byte {
	n := api.TraceNotify{Type: api.MessageTypeTrace, Version: 2, OrigLen: uint32(len(packet)), CapLen: uint16(len(packet))}
	for _, f := range change {
		f(&n)
	}
	return append(n.Append(nil), packet...)
}

func verdict(packet []byte, protocol uint8, port uint16) []byte {
	n := api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, CapLen: uint16(len(packet)), Proto: protocol, DstPort: port}
	return append(n.Append(nil), packet...)
}

func protocols(numbers ...int) session.PacketRule { return session.PacketRule{Protocols: numbers} }

func port(first, last uint16) session.PacketRule {
	return session.PacketRule{Ports: []session.PortRange{{First: first, Last: last}}}
}

func cidrs(texts ...string) (r session.PacketRule) {
	for _, text := range texts {
		r.CIDRs = append(r.CIDRs, netip.MustParsePrefix(text))
	}
	return r
}

func all(rules ...session.PacketRule) (r session.PacketRule) {
	for _, o := range rules {
		r.Protocols, r.Ports, r.CIDRs = append(r.Protocols, o.Protocols...), append(r.Ports, o.Ports...), append(r.CIDRs, o.CIDRs...)
	}
	return r
}

// TestWantsPackets asks for packets.
func TestWantsPackets(t *testing.T) {
	https, vxlan := trace(tcp(t)), trace(dnsInVXLAN(t), func(n *api.TraceNotify) { n.Flags = api.FlagVXLAN })
	for _, tc := range []struct {
		name  string
		event []byte
		wants bool
		rules []session.PacketRule
	}{
		{"a port", https, true, []session.PacketRule{port(443, 443)}},
		{"a port in a range", https, true, []session.PacketRule{port(400, 500)}},
		{"another port", https, false, []session.PacketRule{port(444, 39999)}},
		{"one of two rules", https, true, []session.PacketRule{port(1, 2), protocols(6)}},
		{"none of two rules", https, false, []session.PacketRule{port(1, 2), protocols(17)}},
		{"all of a rule", https, true, []session.PacketRule{all(protocols(17, 6), port(443, 443), cidrs("10.0.0.2/32"))}},
		{"not all of a rule", https, false, []session.PacketRule{all(protocols(6), port(443, 443), cidrs("10.0.0.3/32"))}},
		{"IPv6 of IPv4", https, false, []session.PacketRule{cidrs("::/0")}},
		{"a drop", append((&api.DropNotify{Type: api.MessageTypeDrop, CapLen: uint16(len(tcp(t)))}).Append(nil), tcp(t)...), false, []session.PacketRule{protocols(17)}},
		{"in a tunnel", vxlan, true, []session.PacketRule{all(port(53, 53), cidrs("192.168.0.1/32"))}},
		{"neither in a tunnel nor around it", vxlan, false, []session.PacketRule{protocols(6)}},
		{"no tunnel that the datapath knows of", trace(dnsInVXLAN(t)), false, []session.PacketRule{port(53, 53)}},
		{"no IP", trace(arp(t)), true, []session.PacketRule{protocols(6)}},
		{"no packet captured", trace(nil), true, []session.PacketRule{protocols(6)}},
		{"a header that is cut", trace(tcp(t)[:40]), true, []session.PacketRule{protocols(17)}},
		{"the address before translation", trace(tcp(t), func(n *api.TraceNotify) { n.OrigIP = [16]byte{1, 2, 3, 4} }), true, []session.PacketRule{cidrs("1.2.0.0/16")}},
		{"no address before translation", https, false, []session.PacketRule{cidrs("0.0.0.0/32")}},
		{"what a verdict says", verdict(tcp(t), 17, 80), true, []session.PacketRule{all(protocols(17), port(80, 80))}},
		{"no port of ICMP", verdict(tcp(t), 1, 8), false, []session.PacketRule{port(8, 8)}},
		{"a verdict that says nothing", verdict(tcp(t), 0, 0), false, []session.PacketRule{port(0, 0)}},
		{"an event that cannot be decoded", []byte{api.MessageTypeTrace}, true, []session.PacketRule{protocols(6)}},
		{"an event without a packet", (&api.TraceSockNotify{Type: api.MessageTypeTraceSock}).Append(nil), true, []session.PacketRule{protocols(6)}},
		{"an event of a type that nobody knows", []byte{200}, true, []session.PacketRule{protocols(6)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := interest.Interest{Packets: tc.rules}
			require.Equal(t, tc.wants, i.Wants(tc.event))
			normal := i.Normal()
			require.Equal(t, tc.wants, normal.Wants(tc.event))
			require.False(t, normal.Everything())
			require.True(t, interest.Union(i, interest.Interest{Packets: []session.PacketRule{port(60000, 60000)}}).Wants(tc.event) || !tc.wants)
			i.Types = []uint8{api.MessageTypeAgent}
			require.False(t, i.Wants(tc.event))
		})
	}
}

// TestWantsEvent asks several interests of one event, whose packet is taken apart without allocating.
func TestWantsEvent(t *testing.T) {
	var e interest.Event
	var interests []interest.Interest
	for n := range uint16(16) {
		interests = append(interests, interest.Interest{Types: []uint8{api.MessageTypeTrace}, Packets: []session.PacketRule{port(430+n, 430+n)}})
	}
	https, ethernet := trace(tcp(t)), trace(arp(t))
	index := interest.NewIndex(interests)
	wanted := func(sample []byte) (n int) {
		e.Reset(sample)
		var of uint64
		for i := range interests {
			if interests[i].WantsEvent(&e) {
				of |= 1 << i
				n++
			}
		}
		e.Reset(sample)
		require.Equal(t, of, index.Wants(&e, 1<<16-1))
		return n
	}
	require.Equal(t, 1, wanted(https))
	require.Equal(t, 16, wanted(ethernet))
	require.Equal(t, 1, wanted(https), "nothing is left of the one before")
	require.Zero(t, wanted(drop(130)))
	require.Equal(t, 16, wanted(nil))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		e.Reset(https)
		index.Wants(&e, 1<<16-1)
	}))
}

// TestNormalPackets has the same rules said in two ways.
func TestNormalPackets(t *testing.T) {
	given := interest.Interest{Packets: []session.PacketRule{
		all(protocols(17, 6, 17), port(8000, 8080), port(80, 80), port(8081, 9000), port(81, 90), cidrs("10.0.0.2/8", "10.0.0.0/8", "fd00::/8", "1.0.0.0/8")),
		port(1, 1), port(1, 1),
	}}
	normal := given.Normal()
	require.Equal(t, []session.PacketRule{
		{Protocols: []int{6, 17}, Ports: []session.PortRange{{First: 80, Last: 90}, {First: 8000, Last: 9000}}, CIDRs: cidrs("1.0.0.0/8", "10.0.0.0/8", "fd00::/8").CIDRs},
		port(1, 1),
	}, normal.Packets)
	require.True(t, normal.Equal(normal.Normal()))
	require.False(t, normal.Equal(interest.Interest{Packets: []session.PacketRule{port(1, 1)}}.Normal()))
	require.EqualValues(t, 8000, given.Packets[0].Ports[0].First, "what was given stays as it is")
	require.True(t, interest.Interest{Packets: []session.PacketRule{port(1, 1), {}}}.Normal().Everything(), "a rule without anything matches all")
}

// TestPacketsText tells people of rules, not of too many.
func TestPacketsText(t *testing.T) {
	i := interest.Interest{Types: []uint8{api.MessageTypeDrop}, Packets: []session.PacketRule{
		all(protocols(6, 17), port(53, 53), port(8000, 8080)), cidrs("10.0.0.0/8"), protocols(1, 58, 132, 47, 2),
	}}
	require.Equal(t, "drop; packets of tcp, udp port 53, 8000-8080 or 10.0.0.0/8 or icmpv4, icmpv6, sctp, protocol 47, 1 more", i.String())
	for n := range uint16(1000) {
		i.Packets = append(i.Packets, port(n, n))
	}
	require.True(t, strings.HasSuffix(i.String(), " or port 0 or 999 more"), i.String())
}

// TestUnion has what any of several interests wants.
func TestUnion(t *testing.T) {
	drops := interest.Interest{Types: []uint8{api.MessageTypeDrop}, DropReasons: []uint8{130}}
	traces := interest.Interest{Types: []uint8{api.MessageTypeTrace}, Packets: []session.PacketRule{port(1, 1)}}
	agent := interest.Types(api.MessageTypeAgent)
	require.True(t, drops.Equal(interest.Union(drops, drops)))
	require.True(t, interest.Union(drops, agent, interest.Types(200)).Equal(interest.Interest{Types: []uint8{1, 130, 200}, DropReasons: []uint8{130}}),
		"who does not want drops wants none of any reason")
	require.True(t, interest.Union(traces, agent).Equal(interest.Interest{Types: []uint8{4, 130}, Packets: traces.Packets}))
	require.True(t, interest.Union(traces, drops).Equal(interest.Interest{Types: []uint8{1, 4}, DropReasons: []uint8{130}}))
	require.True(t, interest.Union(traces, interest.Interest{DropReasons: []uint8{1}}).Equal(interest.Interest{DropReasons: []uint8{1}}))
	require.True(t, interest.Union(traces, interest.Interest{}).Everything())
}

// TestIndex asks random interests of all events, one by one and by their index.
func TestIndex(t *testing.T) {
	events := [][]byte{
		trace(tcp(t)), trace(dnsInVXLAN(t), func(n *api.TraceNotify) { n.Flags = api.FlagVXLAN }), trace(arp(t)), trace(tcp(t)[:40]), trace(nil),
		verdict(tcp(t), 17, 80), verdict(tcp(t), 1, 8), verdict(tcp(t), 0, 0), drop(130), {api.MessageTypeTrace}, {api.MessageTypeAgent}, {200}, {},
	}
	r := rand.New(rand.NewPCG(1, 3))
	wanted := 0
	for range 500 {
		interests := make([]interest.Interest, 1+r.IntN(interest.MaxIndexed))
		for i := range interests {
			for range r.IntN(4) {
				first := []uint16{0, 53, 80, 443, 8472, 39990, 65535}[r.IntN(7)]
				rule := port(first, first+min(65535-first, uint16(r.IntN(3)*r.IntN(100))))
				switch r.IntN(4) {
				case 0:
					rule = protocols(6, 17)
				case 1:
					rule = all(rule, protocols(6))
				}
				interests[i].Packets = append(interests[i].Packets, rule)
			}
			if r.IntN(3) == 0 {
				interests[i].DropReasons = []uint8{133}
			}
		}
		index := interest.NewIndex(interests)
		among := r.Uint64() >> (interest.MaxIndexed - len(interests))
		var e interest.Event
		for _, event := range events {
			var want uint64
			for i := range interests {
				if among>>i&1 != 0 && interests[i].Wants(event) {
					want |= 1 << i
					wanted++
				}
			}
			e.Reset(event)
			require.Equal(t, want, index.Wants(&e, among), "%v", interests)
		}
	}
	require.NotZero(t, wanted)
}
