// SPDX-License-Identifier: Apache-2.0

package packet_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/internal/packet"
)

// FuzzDissect takes anything apart: all layers lie in the packet, one behind the other, each belongs to the headers that
// it says, and whatever is asked of them, there is an answer.
func FuzzDissect(f *testing.F) {
	for _, p := range [][]byte{overTCP(f), overVXLAN(f), unreachable(f), laterFragment(f), {}} {
		f.Add(p, false, uint8(packet.TunnelNone))
		f.Add(p, true, uint8(packet.TunnelVXLAN))
		f.Add(p, false, uint8(packet.TunnelGeneve))
	}
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::/1")}
	var d packet.Dissection // used again, as it is meant to be
	f.Fuzz(func(t *testing.T, data []byte, l3 bool, overlay uint8) {
		d.Dissect(data, l3, packet.Tunnel(overlay%3))
		require.NotEmpty(t, d.Headers)
		require.True(t, 1 <= d.Known && d.Known <= len(d.Headers) && len(d.Headers) <= d.Known+1)
		at, next := int32(0), 0
		for i := range d.Headers {
			h := &d.Headers[i]
			require.Equal(t, next, h.First)
			require.LessOrEqual(t, h.First, h.Last)
			next = h.Last
			d.MACs(h)
			d.AppendVLANs(nil, h)
			d.TTL(h)
			for j := range d.LayersOf(h) {
				l := &d.Layers[h.First+j]
				require.EqualValues(t, i, l.In)
				require.True(t, at <= l.Start && l.Start <= l.End && l.End <= l.Limit && int(l.Limit) <= len(data))
				require.True(t, l.State != packet.Whole || l.End-l.Start == l.Size)
				require.True(t, l.State == packet.Whole || h.First+j == len(d.Layers)-1, "something follows what is not whole")
				at = l.End
			}
		}
		require.Equal(t, len(d.Layers), next)
		for _, scope := range []packet.Scope{packet.Anywhere, packet.Outer, packet.Inner} {
			for _, n := range networks {
				d.HasAddress(scope, n, true, true)
			}
			d.HasPort(scope, 1, 2, true, true)
			d.HasProtocol(scope, packet.TCP)
		}
	})
}
