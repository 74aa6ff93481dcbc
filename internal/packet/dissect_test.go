// SPDX-License-Identifier: Apache-2.0

package packet_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/packet"
)

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// TestConnection has all that is known of a packet of a connection.
func TestConnection(t *testing.T) {
	var d packet.Dissection
	d.Dissect(overTCP(t), false, packet.TunnelNone)
	require.Len(t, d.Headers, 1)
	h := d.Innermost()
	require.Same(t, d.Outermost(), h)
	require.Equal(t, packet.Connection{
		Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), SrcPort: 40000, DstPort: 443, HasPorts: true,
		Protocol: packet.TCP, HasProtocol: true, TCPFlags: 0x12,
	}, h.Connection)
	require.False(t, h.V6)
	src, dst, ok := d.MACs(h)
	require.True(t, ok)
	require.Equal(t, srcMAC, net.HardwareAddr(src[:]))
	require.Equal(t, dstMAC, net.HardwareAddr(dst[:]))
	require.Equal(t, []uint16{100, 7}, d.AppendVLANs(nil, h))
	ttl, ok := d.TTL(h)
	require.True(t, ok)
	require.EqualValues(t, 61, ttl)
	var kinds []packet.LayerKind
	for _, l := range d.LayersOf(h) {
		require.Equal(t, packet.Whole, l.State)
		kinds = append(kinds, l.Kind)
	}
	require.Equal(t, []packet.LayerKind{packet.LayerEthernet, packet.LayerVLAN, packet.LayerVLAN, packet.LayerIPv4, packet.LayerTCP}, kinds)
}

// TestTunnel has the headers of a tunnel around those of what it carries. Only what the datapath takes for one is.
func TestTunnel(t *testing.T) {
	var d packet.Dissection
	d.Dissect(overVXLAN(t), false, packet.TunnelOf(api.FlagVXLAN))
	require.Equal(t, 2, d.Known)
	outer, inner := d.Outermost(), d.Innermost()
	require.Equal(t, packet.TunnelVXLAN, outer.Tunnel)
	require.Equal(t, "vxlan", outer.Tunnel.String())
	require.Equal(t, addr("192.168.0.1"), outer.Src)
	require.Equal(t, packet.TunnelNone, inner.Tunnel)
	require.Equal(t, addr("fd00::2"), inner.Dst)
	require.EqualValues(t, 53, inner.DstPort)
	require.True(t, inner.V6)
	ttl, ok := d.TTL(inner)
	require.True(t, ok)
	require.EqualValues(t, 62, ttl)
	require.Empty(t, d.AppendVLANs(nil, inner))

	for _, tc := range []struct {
		scope      packet.Scope
		has, lacks uint16
	}{{packet.Outer, 8472, 53}, {packet.Inner, 53, 8472}} {
		require.True(t, d.HasPort(tc.scope, tc.has, tc.has, false, true))
		require.False(t, d.HasPort(tc.scope, tc.lacks, tc.lacks, true, true))
		require.True(t, d.HasPort(packet.Anywhere, tc.lacks, tc.lacks, true, true))
	}
	require.True(t, d.HasAddress(packet.Inner, netip.MustParsePrefix("fd00::/127"), true, false))
	require.False(t, d.HasAddress(packet.Outer, netip.MustParsePrefix("fd00::/127"), true, true))
	require.True(t, d.HasProtocol(packet.Anywhere, packet.UDP))
	require.False(t, d.HasProtocol(packet.Anywhere, packet.TCP))

	d.Dissect(overVXLAN(t), false, packet.TunnelOf(0))
	require.Len(t, d.Headers, 1)
	require.Equal(t, packet.TunnelGeneve, packet.TunnelOf(api.FlagGeneve))
}

// TestQuoted has what an ICMP error is about, which is not what was sent.
func TestQuoted(t *testing.T) {
	var d packet.Dissection
	d.Dissect(unreachable(t), true, packet.TunnelNone)
	require.Equal(t, 2, d.Known)
	h := d.Innermost()
	require.Same(t, d.Outermost(), h)
	require.True(t, h.HasICMP)
	require.EqualValues(t, 3, h.ICMPType())
	require.EqualValues(t, 1, h.ICMPCode())
	_, _, ok := d.MACs(h)
	require.False(t, ok)
	about := d.Headers[1]
	require.True(t, about.Quoted)
	require.EqualValues(t, 9999, about.DstPort)
	require.Equal(t, 1, packet.Carried(d.Headers))
}

// TestFragment has no ports of a fragment that is not the first.
func TestFragment(t *testing.T) {
	var d packet.Dissection
	d.Dissect(laterFragment(t), false, packet.TunnelNone)
	require.Equal(t, packet.Connection{
		Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), Protocol: packet.UDP, HasProtocol: true, FragmentOffset: 1480,
	}, d.Innermost().Connection)
}

// TestCut says of a header that is cut, and of one that does not fit, that it is.
func TestCut(t *testing.T) {
	var d packet.Dissection
	whole := overTCP(t)
	d.Dissect(whole[:len(whole)-1], false, packet.TunnelNone)
	require.Equal(t, packet.Cut, d.Layers[len(d.Layers)-1].State)
	require.EqualValues(t, 443, d.Innermost().DstPort)
	short := unreachable(t)
	short[3] = 24 // the length of the packet
	d.Dissect(short, true, packet.TunnelNone)
	require.Equal(t, packet.Malformed, d.Layers[len(d.Layers)-1].State)
	d.Dissect(nil, false, packet.TunnelNone)
	require.Empty(t, d.Layers)
	require.False(t, d.Innermost().Src.IsValid())
	_, ok := d.TTL(d.Innermost())
	require.False(t, ok)
}

// TestNoAllocation takes packets apart again and again.
func TestNoAllocation(t *testing.T) {
	var d packet.Dissection
	packets := [][]byte{overTCP(t), overVXLAN(t), laterFragment(t)}
	for _, p := range packets {
		d.Dissect(p, false, packet.TunnelVXLAN)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for _, p := range packets {
			d.Dissect(p, false, packet.TunnelVXLAN)
		}
	}))
}
