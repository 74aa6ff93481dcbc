// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

// TestNonLinearPackets sends packets of which only the Ethernet header is in the linear part, as a packet socket leaves
// them that are longer than a page: what follows is behind a helper.
func TestNonLinearPackets(t *testing.T) {
	left, right := veth(t)
	for ns, device := range map[*namespace]string{left: leftDevice, right: rightDevice} {
		ns.Do(func() error {
			l, err := netlink.LinkByName(device)
			if err != nil {
				return err
			}
			return netlink.LinkSetMTU(l, 9000)
		})
	}
	path := eventsPath(t)
	right.load(Options{Devices: []string{rightDevice}, Deny: mustParseRules(t, "udp/9999", "udp/8472"), EventsMap: path})
	rd := readPinned(t, path)
	wire := left.rawSocket(leftDevice)

	large := append([]byte("large"), make([]byte, 6000)...)
	datagram := datagram(9999, large)
	ip4 := ipv4("192.0.2.1", "192.0.2.2", unix.IPPROTO_UDP, 0, nil, datagram)
	for _, tc := range []struct {
		name  string
		frame []byte
		flags uint8 // of the drop
	}{
		{"IPv4", ethernet(unix.ETH_P_IP, ip4), 0},
		{"IPv6", ethernet(unix.ETH_P_IPV6, ipv6("2001:db8::1", "2001:db8::2", unix.IPPROTO_DSTOPTS, extension(unix.IPPROTO_UDP, 1, datagram))), api.FlagIPv6},
		{"VLAN", ethernet(unix.ETH_P_8021Q, vlan(unix.ETH_P_8021Q, vlan(unix.ETH_P_IP, ip4))), 0},
		{"PPPoE", ethernet(unix.ETH_P_PPP_SES, pppoe(0x21, ip4)), 0},
		{"MPLS", ethernet(unix.ETH_P_MPLS_UC, mpls(true, ip4)), 0},
		{"VXLAN", vxlanOf(ethernet(unix.ETH_P_IP, ip4)), api.FlagVXLAN},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.NoError(t, unix.Send(wire, tc.frame, 0))
			drop := awaitEvent(t, rd, has(eventDrop, 133, "large"))
			assert.Equal(t, len(tc.frame), drop.lenOrig())
			assert.Equal(t, tc.frame[:drop.lenCap()], drop.packet())
			assert.Equal(t, tc.flags, drop.u8(36))
		})
	}
}

func vxlanOf(frame []byte) []byte {
	return ethernet(unix.ETH_P_IP, ipv4("192.0.2.1", "192.0.2.2", unix.IPPROTO_UDP, 0, nil, datagram(8472, vxlan(frame))))
}
