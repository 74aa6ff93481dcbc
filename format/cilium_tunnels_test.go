// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// TestCiliumNestedTunnels has tunnels in the overlay of a tunnel. As Cilium has it, addresses are of the
// last IP header, ports and protocol of the last header above any.
func TestCiliumNestedTunnels(t *testing.T) {
	nested := func(frame []byte) []byte { // in the overlay, on the port where gopacket looks for VXLAN
		return ethernet(etherIPv4, ipv4(ipUDP, "172.16.0.1", "172.16.0.2",
			udp(40001, 4789, append([]byte{8, 0, 0, 0, 0, 0, 43, 0}, frame...))))
	}
	for want, overlay := range map[string][]byte{
		"10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN":      nested(synPacket),
		"10.0.0.1:40001 -> 10.0.0.2:4789 udp":        nested(ethernet(etherIPv4, ipv4(200, "10.0.0.1", "10.0.0.2", nil))),
		"[fd00::1]:40001 -> [fd00::2]:4789 udp":      nested(ethernet(etherIPv6, ipv6(200, "fd00::1", "fd00::2", []byte{0}))),
		"172.16.0.1:40001 -> 172.16.0.2:4789 udp":    nested(arpPacket),
		"02:00:00:00:00:01 -> 02:00:00:00:00:02 ARP": arpPacket,
		"10.0.0.1 -> 10.0.0.2":                       ethernet(etherIPv4, ipv4(200, "10.0.0.1", "10.0.0.2", nil)),
	} {
		packet := ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", vxlan(overlay)))
		line := print(ciliumLine, trace(packet, func(n *api.TraceNotify) { n.Flags = api.FlagVXLAN }))
		require.Contains(t, line, ": "+want+" [tunnel 192.168.0.1:40000 -> 192.168.0.2:8472 vxlan]\n")
	}
}

// TestCiliumEmptyTunnels has tunnels that carry nothing, and datagrams that only are said to be a tunnel.
func TestCiliumEmptyTunnels(t *testing.T) {
	line := func(flag uint8, datagram []byte) string {
		packet := ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", datagram))
		return print(ciliumLine, trace(packet, func(n *api.TraceNotify) { n.Flags = flag }))
	}
	require.Contains(t, line(api.FlagVXLAN, vxlan(nil)), "orig-ip 1.2.3.4: [unknown] [tunnel 192.168.0.1:40000 -> 192.168.0.2:8472 vxlan]\n")
	require.Contains(t, line(api.FlagGeneve, geneve(etherIPv4, nil, nil)), "orig-ip 1.2.3.4: [unknown] [tunnel 192.168.0.1:40000 -> 192.168.0.2:6081 geneve]\n")
	require.Contains(t, line(api.FlagVXLAN, udp(40000, 8472, nil)), "orig-ip 1.2.3.4: [error]\n")
	require.Contains(t, line(api.FlagGeneve, udp(40000, 6081, nil)), "orig-ip 1.2.3.4: [error]\n")
}

// TestCiliumEventReuse checks that nothing of a packet is left in the next, also where the next is said to be
// of a tunnel and carries none.
func TestCiliumEventReuse(t *testing.T) {
	icmp := func(typ, code byte) []byte {
		return ethernet(etherIPv4, ipv4(ipICMP, "10.0.0.1", "10.0.0.2", []byte{typ, code, 0, 0, 0, 0, 0, 0}))
	}
	icmp6 := func(typ, code byte) []byte {
		return ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::1", "fd00::2", []byte{typ, code, 0, 0, 0, 0, 0, 0}))
	}
	all := []named{
		{"VXLAN", trace(vxlanPacket, func(n *api.TraceNotify) { n.Flags = api.FlagVXLAN })},
		{"TCP as VXLAN", trace(tcpPacket, func(n *api.TraceNotify) { n.Flags = api.FlagVXLAN })},
		{"Geneve", trace(genevePacket, func(n *api.TraceNotify) { n.Flags = api.FlagGeneve })},
		{"TCP as Geneve", trace(tcpPacket, func(n *api.TraceNotify) { n.Flags = api.FlagGeneve })},
		{"VXLAN that is not said", trace(vxlanPacket)},
		{"IPv6", drop(tcp6Packet)},
		{"IPv6 alone", drop(tcp6Packet[14:], func(n *api.DropNotify) { n.Flags = api.FlagL3Device | api.FlagIPv6 })},
		{"IPv4 alone", drop(udpPacket[14:], func(n *api.DropNotify) { n.Flags = api.FlagL3Device })},
		{"cut", drop(tcpPacket[:20])},
		{"ARP", drop(arpPacket)},
		{"nothing", drop(nil)},
		{"ICMP 3", drop(icmp(3, 0))},
		{"ICMPv6 3", drop(icmp6(3, 0))},
		{"ICMP 3 1", drop(icmp(3, 1))},
		{"ICMPv6 3 1", drop(icmp6(3, 1))},
	}
	require.Contains(t, print(ciliumLine, drop(icmp(3, 1))), " icmp DestinationUnreachable(Host)\n")
	require.Contains(t, print(ciliumLine, drop(icmp6(3, 1))), " icmp TimeExceeded(FragmentReassemblyTimeExceeded)\n")
	for _, opts := range []format.Options{ciliumLine, ciliumVerbose} {
		f := format.New(opts)
		ev := format.NewEvent(interfaceName)
		for _, first := range all {
			for _, second := range all {
				ev.Decode(first.payload)
				f.Append(nil, ev)
				ev.Decode(second.payload)
				require.Equal(t, print(opts, second.payload), string(f.Append(nil, ev)), "%s after %s", second.name, first.name)
			}
		}
	}
}
