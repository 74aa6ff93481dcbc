// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

// setMark has the packets of a socket have a mark.
func setMark(t *testing.T, conn *net.UDPConn, mark int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	var setErr error
	require.NoError(t, raw.Control(func(fd uintptr) {
		setErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, mark)
	}))
	require.NoError(t, setErr)
}

// requireMark demands a trace's mark, and that all else of it is as without one to clients that know of none. l3 is a device without
// Ethernet headers.
func requireMark(t *testing.T, e event, mark uint32, ipv6, l3 bool) {
	t.Helper()
	want := make([]byte, 16)
	var flags uint8
	if l3 {
		flags |= 2
	}
	switch {
	case mark != 0:
		binary.NativeEndian.PutUint32(want[4:], mark)
		if ipv6 {
			binary.NativeEndian.PutUint32(want[8:], 1)
		}
		copy(want[12:], "mark")
	case ipv6:
		flags |= 1
	}
	require.Equal(t, want, []byte(e[32:48]))
	require.Equal(t, flags, e.u8(27))

	var decoded api.TraceNotify
	require.NoError(t, decoded.Decode(e))
	require.Equal(t, mark, decoded.Mark)
	require.Equal(t, ipv6, decoded.IsIPv6())
	require.True(t, decoded.OriginalIP().IsUnspecified())
}

func TestMarks(t *testing.T) { eachWay(t, testMarks) }

// testMarks has packets marked by a socket, by a firewall and by another program, on both of their ways.
func testMarks(t *testing.T, withoutTCX bool) {
	left, right := veth(t)
	leftPath, rightPath := eventsPath(t), eventsPath(t)
	left.load(Options{Devices: []string{leftDevice}, EventsMap: leftPath, withoutTCX: withoutTCX})
	right.load(Options{Devices: []string{rightDevice}, EventsMap: rightPath, withoutTCX: withoutTCX})
	leftRd, rightRd := readPinned(t, leftPath), readPinned(t, rightPath)

	families := []struct {
		family      uint8
		left, right string
	}{{unix.NFPROTO_IPV4, leftIPv4, rightIPv4}, {unix.NFPROTO_IPV6, leftIPv6, rightIPv6}}
	for _, addrs := range families {
		ipv6 := addrs.family == unix.NFPROTO_IPV6
		client := left.listenUDP(net.JoinHostPort(addrs.left, "5001"))
		server := right.listenUDP(net.JoinHostPort(addrs.right, "5002"))
		send(t, client, server, "without")
		requireMark(t, awaitEvent(t, leftRd, has(eventTrace, 11, "without")), 0, ipv6, false)
		setMark(t, client, 0x1f)
		send(t, client, server, "by the socket")
		requireMark(t, awaitEvent(t, leftRd, has(eventTrace, 11, "by the socket")), 0x1f, ipv6, false)
		requireMark(t, awaitEvent(t, rightRd, has(eventTrace, 10, "by the socket")), 0, ipv6, false) // another host
		left.nftOf(addrs.family, "mark", unix.NF_INET_LOCAL_OUT, nftMark)
		send(t, client, server, "by the firewall")
		requireMark(t, awaitEvent(t, leftRd, has(eventTrace, 11, "by the firewall")), nftMarked, ipv6, false)
	}

	const markOffset = 8 // in struct __sk_buff
	marks := func(mark int32) asm.Instructions {
		return asm.Instructions{asm.Mov.Imm(asm.R2, mark), asm.StoreMem(asm.R1, markOffset, asm.R2, asm.Word)}
	}
	out := left.redirect("tap0", leftDevice, 0, marks(5))
	in := left.redirect("tap1", leftDevice, unix.BPF_F_INGRESS, marks(6))
	for _, packet := range [][]byte{
		udp4("10.0.0.1", "10.0.0.2", 53), udp6("fd00::1", "fd00::2", 53), ethernet(0x88b5, make([]byte, 46)),
		ethernet(unix.ETH_P_8021Q, vlan(unix.ETH_P_IPV6, ipv6("fd00::1", "fd00::2", unix.IPPROTO_UDP, udp(54)))),
	} {
		same := func(point int) func(event) bool {
			return func(e event) bool {
				return e.typ() == eventTrace && e.subtype() == point && bytes.Equal(e.packet(), packet)
			}
		}
		ipv6 := bytes.Contains(packet, []byte{0xfd, 0})
		_, err := out.Write(packet)
		require.NoError(t, err)
		requireMark(t, awaitEvent(t, leftRd, same(11)), 5, ipv6, false)
		_, err = in.Write(packet)
		require.NoError(t, err)
		requireMark(t, awaitEvent(t, leftRd, same(10)), 6, ipv6, false)
	}

	tagged := left.redirect("tap2", leftDevice, 0, append(marks(7), pushTag(unix.ETH_P_8021Q, testTCI)...))
	for _, packet := range [][]byte{udp4("10.0.0.1", "10.0.0.2", 55), udp6("fd00::1", "fd00::2", 55)} {
		_, err := tagged.Write(packet)
		require.NoError(t, err)
		e := awaitEvent(t, leftRd, func(e event) bool {
			return e.typ() == eventTrace && bytes.Equal(e.packet(), withTag(unix.ETH_P_8021Q, testTCI, packet))
		})
		requireMark(t, e, 7, packet[12] == 0x86, false)
	}
}

func TestMarkWithoutEthernetHeader(t *testing.T) { eachWay(t, testMarkWithoutEthernetHeader) }

// testMarkWithoutEthernetHeader has no mark of IPv6: that it is IPv6 is known by the flag alone.
func testMarkWithoutEthernetHeader(t *testing.T, withoutTCX bool) {
	ns := newNamespace(t)
	ns.tunTap("tun0", netlink.TUNTAP_MODE_TUN)
	ns.Do(func() error { return addAddrs("tun0", "10.6.0.1", "fd06::1") })
	path := eventsPath(t)
	ns.load(Options{Devices: []string{"tun0"}, EventsMap: path, withoutTCX: withoutTCX})
	rd := readPinned(t, path)
	for _, tc := range []struct {
		from, to string
		mark     uint32
	}{{"10.6.0.1", "10.6.0.2", 0x1f}, {"fd06::1", "fd06::2", 0}} {
		conn := ns.listenUDP(net.JoinHostPort(tc.from, "5001"))
		setMark(t, conn, 0x1f)
		_, err := conn.WriteToUDPAddrPort([]byte("marked"), addrPort(net.JoinHostPort(tc.to, "5002")))
		require.NoError(t, err)
		requireMark(t, awaitEvent(t, rd, has(eventTrace, 11, "marked")), tc.mark, tc.mark == 0, true)
	}
}

// TestInterfaceOfVerdicts has a verdict name its interface, where clients that know of none see padding.
func TestInterfaceOfVerdicts(t *testing.T) {
	left, right := veth(t)
	path := eventsPath(t)
	right.load(Options{Devices: []string{rightDevice}, Deny: mustParseRules(t, "udp/9999"), EventsMap: path})
	rd := readPinned(t, path)
	var index int
	right.Do(func() error {
		dev, err := net.InterfaceByName(rightDevice)
		if err == nil {
			index = dev.Index
		}
		return err
	})
	client := left.listenUDP(net.JoinHostPort(leftIPv4, "5001"))
	_, err := client.WriteToUDPAddrPort([]byte("denied"), addrPort(net.JoinHostPort(rightIPv4, "9999")))
	require.NoError(t, err)
	e := awaitEvent(t, rd, has(eventPolicyVerdict, 0, "denied"))
	require.Equal(t, "ifx\x01\x00\x00\x00", string(e[29:36]), "behind it the rule")
	require.Equal(t, index, e.i32(36))

	var decoded api.PolicyVerdictNotify
	require.NoError(t, decoded.Decode(e))
	require.EqualValues(t, index, decoded.Ifindex)
}
