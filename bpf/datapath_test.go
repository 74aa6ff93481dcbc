// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/perf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

func addrPort(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

// eventsPath is a path for an events map that no other test uses.
func eventsPath(t *testing.T) string {
	return fmt.Sprintf("/sys/fs/bpf/monitor-test-%d/%s/cilium_events", os.Getpid(), filepath.Base(t.TempDir()))
}

func mustParseRules(t *testing.T, texts ...string) (rules []Rule) {
	t.Helper()
	for _, text := range texts {
		rule, err := ParseRule(text)
		require.NoError(t, err)
		rules = append(rules, rule)
	}
	return rules
}

// readPinned opens a reader of the map as another process would.
func readPinned(t *testing.T, path string) *perf.Reader {
	t.Helper()
	m, err := ebpf.LoadPinnedMap(path, nil)
	require.NoError(t, err)
	defer m.Close()
	assert.Equal(t, ebpf.MustPossibleCPU(), int(m.MaxEntries()))
	return readEvents(t, m)
}

// has matches events of a type and subtype whose packet contains data.
func has(typ, subtype int, data string) func(event) bool {
	return func(e event) bool {
		return e.typ() == typ && e.subtype() == subtype && bytes.Contains(e.packet(), []byte(data))
	}
}

func TestTrafficIsTraced(t *testing.T) { eachWay(t, testTrafficIsTraced) }

func testTrafficIsTraced(t *testing.T, withoutTCX bool) {
	left, right := veth(t)
	path := eventsPath(t)
	right.load(Options{Devices: []string{rightDevice}, EventsMap: path, withoutTCX: withoutTCX})
	rd := readPinned(t, path)

	var ifindex int
	right.Do(func() error {
		l, err := netlink.LinkByName(rightDevice)
		if err == nil {
			ifindex = l.Attrs().Index
		}
		return err
	})
	for _, addrs := range []struct {
		left, right string
		flags       uint8
	}{
		{leftIPv4, rightIPv4, 0},
		{leftIPv6, rightIPv6, 1},
	} {
		client := left.listenUDP(net.JoinHostPort(addrs.left, "5001"))
		server := right.listenUDP(net.JoinHostPort(addrs.right, "5002"))

		send(t, client, server, "there")
		in := awaitEvent(t, rd, has(eventTrace, 10, "there"))
		send(t, server, client, "back")
		out := awaitEvent(t, rd, has(eventTrace, 11, "back"))

		for _, e := range []event{in, out} {
			assert.Equal(t, ifindex, e.i32(28))
			assert.Equal(t, addrs.flags, e.u8(27))
			assert.Equal(t, e.lenOrig(), e.lenCap())
		}
	}
}

// send sends data and waits until it has arrived.
func send(t *testing.T, from, to *net.UDPConn, data string) {
	t.Helper()
	_, err := from.WriteTo([]byte(data), to.LocalAddr())
	require.NoError(t, err)
	require.NoError(t, to.SetReadDeadline(time.Now().Add(30*time.Second)))
	buf := make([]byte, 100)
	n, _, err := to.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, data, string(buf[:n]))
}

func TestDeniedPacketsAreDropped(t *testing.T) { eachWay(t, testDeniedPacketsAreDropped) }

func testDeniedPacketsAreDropped(t *testing.T, withoutTCX bool) {
	left, right := veth(t)
	path := eventsPath(t)
	right.load(Options{
		Devices:    []string{rightDevice},
		Deny:       mustParseRules(t, "udp/9999", "tcp/80@"+leftIPv4, "icmp@"+leftIPv6),
		EventsMap:  path,
		withoutTCX: withoutTCX,
	})
	rd := readPinned(t, path)

	for _, addrs := range [][2]string{{leftIPv4, rightIPv4}, {leftIPv6, rightIPv6}} {
		client := left.listenUDP(net.JoinHostPort(addrs[0], "5001"))
		denied := right.listenUDP(net.JoinHostPort(addrs[1], "9999"))
		allowed := right.listenUDP(net.JoinHostPort(addrs[1], "9998"))

		_, err := client.WriteTo([]byte("denied"), denied.LocalAddr())
		require.NoError(t, err)
		awaitEvent(t, rd, has(eventPolicyVerdict, 0, "denied"))
		awaitEvent(t, rd, has(eventDrop, 133, "denied"))
		send(t, client, allowed, "allowed")
		assertNothingReceived(t, denied)
	}

	t.Run("tcp", func(t *testing.T) {
		listen := func(ns *namespace, addr string) (l net.Listener) {
			ns.Do(func() (err error) {
				l, err = net.Listen("tcp", addr)
				return err
			})
			t.Cleanup(func() { l.Close() })
			return l
		}
		listen(right, rightIPv4+":80")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		dial := make(chan error)
		go func() {
			dial <- func() error {
				var err error
				left.Do(func() error {
					var conn net.Conn
					if conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", rightIPv4+":80"); err == nil {
						conn.Close()
					}
					return nil
				})
				return err
			}()
		}()
		drop := awaitEvent(t, rd, func(e event) bool { return e.typ() == eventDrop })
		assert.EqualValues(t, unix.IPPROTO_TCP, drop.packet()[14+9])
		cancel()
		require.ErrorIs(t, <-dial, context.Canceled)
	})

	t.Run("icmp", func(t *testing.T) {
		echo := func(network, addr string, request byte) {
			left.Do(func() error {
				conn, err := net.Dial(network, addr)
				if err != nil {
					return err
				}
				defer conn.Close()
				// An echo request; the kernel fills in the checksum of ICMPv6 only.
				_, err = conn.Write([]byte{request, 0, ^request, 0xff, 0, 0, 0, 0})
				return err
			})
		}
		const echoRequest, echoReply, echoRequest6 = 8, 0, 128
		echo("ip6:ipv6-icmp", rightIPv6, echoRequest6)
		verdict := awaitEvent(t, rd, func(e event) bool { return e.typ() == eventPolicyVerdict })
		assert.EqualValues(t, unix.IPPROTO_ICMPV6, verdict.u8(26))

		echo("ip4:icmp", rightIPv4, echoRequest)
		awaitEvent(t, rd, func(e event) bool {
			return e.typ() == eventTrace && e.subtype() == 11 && e.packet()[14+9] == unix.IPPROTO_ICMP && e.packet()[14+20] == echoReply
		})
	})
}

func assertNothingReceived(t *testing.T, conn *net.UDPConn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now()))
	_, _, err := conn.ReadFrom(make([]byte, 100))
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestLoopback(t *testing.T) { eachWay(t, testLoopback) }

func testLoopback(t *testing.T, withoutTCX bool) {
	ns := newNamespace(t)
	path := eventsPath(t)
	ns.load(Options{Devices: []string{"lo", "lo"}, Deny: mustParseRules(t, "udp/9999"), EventsMap: path, withoutTCX: withoutTCX})
	rd := readPinned(t, path)

	client, server := ns.listenUDP("127.0.0.1:5001"), ns.listenUDP("127.0.0.1:5002")
	send(t, client, server, "allowed")
	out := awaitEvent(t, rd, has(eventTrace, 11, "allowed"))
	awaitEvent(t, rd, has(eventTrace, 10, "allowed"))
	assert.Equal(t, []byte{8, 0, 0x45}, out.packet()[12:15], "an Ethernet header is in front")

	denied := ns.listenUDP("127.0.0.1:9999")
	_, err := client.WriteTo([]byte("denied"), denied.LocalAddr())
	require.NoError(t, err)
	var events []event
	events = append(events, awaitEvent(t, rd, has(eventPolicyVerdict, 0, "denied")), awaitEvent(t, rd, has(eventDrop, 133, "denied")))
	assert.EqualValues(t, 2|api.PolicyMatchL4Only<<3, events[0].u8(27), "on egress, where it is seen first")
	assertNothingReceived(t, denied)
	assert.Empty(t, pending(t, rd))
}

func TestDeviceWithoutEthernetHeader(t *testing.T) { eachWay(t, testDeviceWithoutEthernetHeader) }

func testDeviceWithoutEthernetHeader(t *testing.T, withoutTCX bool) {
	ns := newNamespace(t)
	tun := ns.tunTap("tun0", netlink.TUNTAP_MODE_TUN)
	path := eventsPath(t)
	ns.load(Options{Devices: []string{"tun0"}, Deny: mustParseRules(t, "udp/9999"), EventsMap: path, withoutTCX: withoutTCX})
	rd := readPinned(t, path)

	for _, tc := range []struct {
		packet []byte
		ipv6   uint8 // flag
	}{
		{ipv4("10.0.0.1", "10.0.0.2", unix.IPPROTO_UDP, 0, nil, udp(9999)), 0},
		{ipv6("fd00::1", "fd00::2", unix.IPPROTO_UDP, udp(9999)), 1},
	} {
		_, err := tun.Write(tc.packet)
		require.NoError(t, err)

		same := func(typ int) func(event) bool {
			return func(e event) bool { return e.typ() == typ && bytes.Equal(e.packet(), tc.packet) }
		}
		trace := awaitEvent(t, rd, same(eventTrace))
		assert.EqualValues(t, tc.ipv6|2, trace.u8(27), "flags: L3 device")
		verdict := awaitEvent(t, rd, same(eventPolicyVerdict))
		assert.EqualValues(t, 1|tc.ipv6<<2|api.PolicyMatchL4Only<<3|0x80, verdict.u8(27))
		drop := awaitEvent(t, rd, same(eventDrop))
		assert.EqualValues(t, tc.ipv6|2, drop.u8(36))
	}
}

// Packets that are cut short are traced all the same.
func TestShortPackets(t *testing.T) { eachWay(t, testShortPackets) }

func testShortPackets(t *testing.T, withoutTCX bool) {
	ns := newNamespace(t)
	tap := ns.tunTap("tap0", netlink.TUNTAP_MODE_TAP)
	tun := ns.tunTap("tun0", netlink.TUNTAP_MODE_TUN)
	path := eventsPath(t)
	ns.load(Options{Devices: []string{"tap0", "tun0"}, Deny: mustParseRules(t, "any@0.0.0.0/0", "any@::/0"), EventsMap: path, withoutTCX: withoutTCX})
	rd := readPinned(t, path)

	ip4, ip6 := ipv4("10.0.0.1", "10.0.0.2", unix.IPPROTO_UDP, 0, nil, udp(1)), ipv6("fd00::1", "fd00::2", unix.IPPROTO_UDP, udp(1))
	for _, tc := range []struct {
		device *os.File
		packet []byte
	}{
		{tap, ethernet(unix.ETH_P_IP, nil)},
		{tap, ethernet(unix.ETH_P_IP, ip4[:1])},
		{tap, ethernet(unix.ETH_P_IP, ip4[:19])},
		{tap, ethernet(unix.ETH_P_IPV6, ip6[:39])},
		{tun, ip4[:1]},
		{tun, ip4[:19]},
		{tun, ip6[:39]},
	} {
		_, err := tc.device.Write(tc.packet)
		require.NoError(t, err)
		e := awaitEvent(t, rd, func(e event) bool { return bytes.Equal(e.packet(), tc.packet) })
		assert.Equal(t, eventTrace, e.typ())
	}
}

// A device's other programs stay in charge of what the datapath does not drop, and
// hide nothing from it.
func TestOtherPrograms(t *testing.T) { eachWay(t, testOtherPrograms) }

func testOtherPrograms(t *testing.T, withoutTCX bool) {
	ns := newNamespace(t)
	drop := newDropProgram(t)
	ns.Do(func() error {
		if withoutTCX {
			return addOtherFilter(drop)
		}
		l, err := link.AttachTCX(link.TCXOptions{Interface: loIndex, Program: drop, Attach: ebpf.AttachTCXIngress})
		if errors.Is(err, ebpf.ErrNotSupported) {
			return addOtherFilter(drop)
		}
		if err == nil {
			t.Cleanup(func() { l.Close() })
		}
		return err
	})
	path := eventsPath(t)
	ns.load(Options{Devices: []string{"lo"}, EventsMap: path, withoutTCX: withoutTCX})
	rd := readPinned(t, path)

	client, server := ns.listenUDP("127.0.0.1:5001"), ns.listenUDP("127.0.0.1:5002")
	_, err := client.WriteTo([]byte("hello"), server.LocalAddr())
	require.NoError(t, err)
	awaitEvent(t, rd, has(eventTrace, 10, "hello"))
	assertNothingReceived(t, server)
}

// newDropProgram returns a program that drops all packets.
func newDropProgram(t *testing.T) *ebpf.Program {
	t.Helper()
	drop, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.SchedCLS,
		Instructions: asm.Instructions{asm.LoadImm(asm.R0, verdictDrop, asm.DWord), asm.Return()},
		License:      "Dual BSD/GPL",
	})
	require.NoError(t, err)
	t.Cleanup(func() { drop.Close() })
	return drop
}

func TestCloseLeavesNothing(t *testing.T) { eachWay(t, testCloseLeavesNothing) }

func testCloseLeavesNothing(t *testing.T, withoutTCX bool) {
	ns := newNamespace(t)
	path := eventsPath(t)
	var d *Datapath
	ns.Do(func() (err error) {
		d, err = Load(Options{Devices: []string{"lo"}, Deny: mustParseRules(t, "udp/9999"), EventsMap: path, withoutTCX: withoutTCX})
		return err
	})
	progs, links := d.ids(t)
	require.Equal(t, 2, len(links)+len(ns.filterNames()))
	defer runtime.KeepAlive(d.keeper.attachments[loIndex]) // or the garbage collector closes the links

	require.NoError(t, d.Close())
	require.NoError(t, d.Close(), "a second time")
	assert.NoDirExists(t, filepath.Dir(path))
	requireGone(t, progs, links)
	assert.False(t, ns.hasClsact())
}

// ids returns what the datapath, which has the lo, has in the kernel.
func (d *Datapath) ids(t *testing.T) (progs []ebpf.ProgramID, links []link.ID) {
	t.Helper()
	for _, prog := range []*ebpf.Program{d.objects.FromNetwork, d.objects.FromNetworkL3, d.objects.ToNetwork, d.objects.ToNetworkL3} {
		info, err := prog.Info()
		require.NoError(t, err)
		id, ok := info.ID()
		require.True(t, ok)
		progs = append(progs, id)
	}
	if tcx, ok := d.keeper.attachments[loIndex].(*tcx); ok {
		for _, l := range tcx.links {
			info, err := l.Info()
			require.NoError(t, err)
			links = append(links, info.ID)
		}
	}
	return progs, links
}

// requireGone waits until the kernel has freed the programs and links.
func requireGone(t *testing.T, progs []ebpf.ProgramID, links []link.ID) {
	t.Helper()
	gone := func(err error) bool { return errors.Is(err, os.ErrNotExist) }
	require.Eventually(t, func() bool {
		for _, id := range progs {
			p, err := ebpf.NewProgramFromID(id)
			p.Close()
			if !gone(err) {
				return false
			}
		}
		for _, id := range links {
			l, err := link.NewFromID(id)
			if err == nil {
				l.Close()
			}
			if !gone(err) {
				return false
			}
		}
		return true
	}, 30*time.Second, 10*time.Millisecond)
}

func TestLoadFails(t *testing.T) {
	ns := newNamespace(t)
	path := eventsPath(t)
	for _, tc := range []struct {
		name string
		opts Options
		want string
	}{
		{"no device", Options{EventsMap: path}, "no device"},
		{"unknown device", Options{Devices: []string{"lo", "nosuch"}, EventsMap: path}, `device "nosuch": Link not found`},
		{"bad rule", Options{Devices: []string{"lo"}, Deny: []Rule{{}}, EventsMap: path}, "deny every packet"},
		{"not on a bpffs", Options{Devices: []string{"lo"}, EventsMap: filepath.Join(t.TempDir(), "events")}, "is not on a bpffs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ns.Do(func() error {
				_, err := Load(tc.opts)
				assert.ErrorContains(t, err, tc.want)
				return nil
			})
			assert.NoDirExists(t, filepath.Dir(path))
		})
	}
}
