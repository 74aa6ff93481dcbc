// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

// beyond is an address that the left side has a route to, by the right one.
const beyond = "198.51.100.7"

// loss is a way to lose a packet between two namespaces.
type loss struct {
	name    string
	prepare func(left, right *namespace)
	lose    func(left, right *namespace) // as often as it takes

	// What has to be told: one of the reasons, which are not the same in all kernels, one of the functions, the
	// device, and the addresses.
	reasons, functions []string
	device             string
	direction          uint8
	src, dst           string
	process            bool // it is lost in the system call that sends it
}

var losses = []loss{
	{
		name:    "a firewall rule on the way in",
		prepare: func(_, right *namespace) { right.nft("input", unix.NF_INET_LOCAL_IN, nftDrop) },
		lose:    func(left, _ *namespace) { left.sendUDP(leftIPv4, rightIPv4) },
		reasons: []string{"NETFILTER_DROP"}, functions: []string{"nf_hook_slow", "nft_do_chain"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: rightIPv4,
	},
	{
		name:    "a firewall rule on the way out",
		prepare: func(left, _ *namespace) { left.nft("output", unix.NF_INET_LOCAL_OUT, nftDrop) },
		lose:    func(left, _ *namespace) { left.sendUDP(leftIPv4, rightIPv4) },
		reasons: []string{"NETFILTER_DROP"}, functions: []string{"nf_hook_slow", "nft_do_chain"},
		device: leftDevice, direction: api.KernelDropEgress, src: leftIPv4, dst: rightIPv4, process: true,
	},
	{
		name: "no route",
		prepare: func(left, right *namespace) {
			right.forward()
			left.routeTo(beyond)
		},
		lose:    func(left, _ *namespace) { left.sendUDP(leftIPv4, beyond) },
		reasons: []string{"IP_INNOROUTES", "IP_INADDRERRORS", "NOT_SPECIFIED"}, functions: []string{"ip_error"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: beyond,
	},
	{
		name:    "a closed port",
		lose:    func(left, _ *namespace) { left.sendUDP(leftIPv4, rightIPv4) },
		reasons: []string{"NO_SOCKET"}, functions: []string{"__udp4_lib_rcv"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: rightIPv4,
	},
	{
		name: "a full socket buffer",
		prepare: func(_, right *namespace) {
			require.NoError(right.t, right.listenUDP(rightIPv4+":4242").SetReadBuffer(1))
		},
		lose: func(left, _ *namespace) {
			for range 20 {
				left.sendUDP(leftIPv4, rightIPv4)
			}
		},
		reasons: []string{"SOCKET_RCVBUFF"}, functions: []string{"udp_queue_rcv_one_skb", "__udp_queue_rcv_skb"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: rightIPv4,
	},
	{
		name: "a source that is on another way back (rp_filter)",
		prepare: func(left, right *namespace) {
			right.sysctl("ipv4/conf/"+rightDevice+"/rp_filter", "1")
			left.knows(right)
			left.Do(func() error { return addAddrs(leftDevice, "192.0.2.9") })
		},
		lose:    func(left, _ *namespace) { left.sendUDP("192.0.2.9", rightIPv4) },
		reasons: []string{"IP_RPFILTER"}, functions: []string{"ip_rcv_finish_core"},
		device: rightDevice, direction: api.KernelDropIngress, src: "192.0.2.9", dst: rightIPv4,
	},
	{
		name: "too large for the next link",
		prepare: func(left, right *namespace) {
			right.forward()
			right.narrow(beyond, 600)
			left.routeTo(beyond)
		},
		lose: func(left, _ *namespace) {
			left.sendUDP(leftIPv4, beyond, func(fd int) error {
				return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
			})
		},
		reasons: []string{"PKT_TOO_BIG"}, functions: []string{"ip_forward"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: beyond,
	},
	{
		name: "a full table of connections",
		prepare: func(_, right *namespace) {
			right.nft("conntrack", unix.NF_INET_LOCAL_IN, nftTrack)
			right.fullConntrack()
		},
		lose: func(left, _ *namespace) {
			for port := range 200 {
				left.sendUDPTo(leftIPv4, rightIPv4, 5000+port)
			}
		},
		reasons: []string{"NETFILTER_DROP"}, functions: []string{"nf_hook_slow", "nf_conntrack_in"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: rightIPv4,
	},
	{
		name: "too many hops",
		prepare: func(left, right *namespace) {
			right.forward()
			right.narrow(beyond, 1500)
			left.routeTo(beyond)
		},
		lose: func(left, _ *namespace) {
			left.sendUDP(leftIPv4, beyond, func(fd int) error {
				return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, 1)
			})
		},
		reasons: []string{"IP_INHDR"}, functions: []string{"ip_forward"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: beyond,
	},
	{
		name: "a neighbour that does not answer",
		prepare: func(left, _ *namespace) {
			left.sysctl("ipv4/neigh/"+leftDevice+"/mcast_solicit", "1")
			left.sysctl("ipv4/neigh/"+leftDevice+"/retrans_time_ms", "20")
		},
		lose:    func(left, _ *namespace) { left.sendUDP(leftIPv4, "10.0.0.99") },
		reasons: []string{"NEIGH_FAILED"}, functions: []string{"neigh_invalidate", "arp_error_report"},
		device: leftDevice, direction: api.KernelDropEgress, src: leftIPv4, dst: "10.0.0.99",
	},
	{
		name: "a wrong checksum",
		lose: func(left, right *namespace) {
			frame := slices.Concat(right.mac(rightDevice), left.mac(leftDevice), []byte{8, 0})
			frame = append(frame, udpWithChecksum(leftIPv4, rightIPv4, 0x1234)...)
			left.sendFrame(leftDevice, frame)
		},
		reasons: []string{"UDP_CSUM"}, functions: []string{"__udp4_lib_rcv"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: rightIPv4,
	},
	{
		name: "a full queue of a device",
		prepare: func(left, right *namespace) {
			left.knows(right)
			left.Do(func() error {
				l, err := netlink.LinkByName(leftDevice)
				if err != nil {
					return err
				}
				return netlink.QdiscAdd(&netlink.Tbf{
					QdiscAttrs: netlink.QdiscAttrs{LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
					Rate:       1000, Limit: 3000, Buffer: 1540 * 15625, // in ticks of 64 ns
				})
			})
		},
		lose: func(left, _ *namespace) {
			for range 20 {
				left.sendUDP(leftIPv4, rightIPv4)
			}
		},
		reasons: []string{"QDISC_DROP", "QDISC_OVERLIMIT"}, functions: []string{"__dev_queue_xmit", "__dev_xmit_skb", "dev_qdisc_enqueue", "tcf_kfree_skb_list", "kfree_skb_list_reason"},
		device: leftDevice, direction: api.KernelDropEgress, src: leftIPv4, dst: rightIPv4,
	},
	{
		name: "a route to a black hole",
		prepare: func(left, right *namespace) {
			right.forward()
			left.routeTo(beyond)
			right.Do(func() error {
				return netlink.RouteAdd(&netlink.Route{Dst: hostNet(beyond), Type: unix.RTN_BLACKHOLE})
			})
		},
		lose:    func(left, _ *namespace) { left.sendUDP(leftIPv4, beyond) },
		reasons: []string{"IP_INNOROUTES", "IP_INADDRERRORS", "NOT_SPECIFIED"}, functions: []string{"ip_error", "dst_discard"},
		device: rightDevice, direction: api.KernelDropIngress, src: leftIPv4, dst: beyond,
	},
}

// TestLosses loses a packet in each way, and demands the reason, function, device and addresses of it.
func TestLosses(t *testing.T) {
	k := watchKernelDrops(newNamespace(t), KernelDropsOptions{})
	for _, l := range losses {
		t.Run(l.name, func(t *testing.T) {
			left, right := veth(t)
			k := &kernelDrops{KernelDrops: k.KernelDrops, t: t, agent: k.agent, events: make(chan api.Event, 1<<14)}
			k.subscribe(left, right)
			if l.prepare != nil {
				l.prepare(left, right)
			}
			e := k.await(func() { l.lose(left, right) }, func(e *api.Event) bool {
				n := &e.KernelDrop
				src, dst, ok := addressesOf(e)
				return ok && src == l.src && dst == l.dst && slices.Contains(l.functions, n.Function) &&
					(!k.GivesReasons() || slices.Contains(l.reasons, n.ReasonName))
			})
			n := e.KernelDrop
			t.Logf("%s in %s+%#x, %s, %s", n.ReasonText(), n.Function, n.Offset, n.Device, api.KernelDropDirectionName(n.Direction))
			require.Equal(t, l.device, n.Device)
			require.Equal(t, api.KernelDropDirectionName(l.direction), api.KernelDropDirectionName(n.Direction))
			require.EqualValues(t, 0x0800, n.Protocol)
			require.True(t, n.IsOtherNetNS())
			if l.process && k.knowsContext {
				require.NotZero(t, n.PID, "that of this process, in the first pid namespace")
				require.NotEmpty(t, n.Process)
			}
		})
	}
}

// addressesOf returns those of an IPv4 packet.
func addressesOf(e *api.Event) (src, dst string, ok bool) {
	packet := e.Packet
	if !e.KernelDrop.IsL3Device() && len(packet) >= 14 {
		packet = packet[14:]
	}
	if len(packet) < 20 || packet[0]>>4 != 4 {
		return "", "", false
	}
	return net.IP(packet[12:16]).String(), net.IP(packet[16:20]).String(), true
}

// sendUDP sends a datagram of 1000 bytes to port 4242. That it is refused at once is no error.
func (ns *namespace) sendUDP(from, to string, options ...func(fd int) error) {
	ns.t.Helper()
	ns.sendUDPTo(from, to, 4242, options...)
}

func (ns *namespace) sendUDPTo(from, to string, port int, options ...func(fd int) error) {
	ns.t.Helper()
	ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(from).As4()}); err != nil {
			return err
		}
		for _, option := range options {
			if err := option(fd); err != nil {
				return err
			}
		}
		err = unix.Sendto(fd, make([]byte, 1000), 0, &unix.SockaddrInet4{Port: port, Addr: netip.MustParseAddr(to).As4()})
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOBUFS) {
			return nil
		}
		return err
	})
}

// udpWithChecksum returns a datagram in IPv4 with this checksum of UDP.
func udpWithChecksum(from, to string, checksum uint16) []byte {
	src, dst := netip.MustParseAddr(from).As4(), netip.MustParseAddr(to).As4()
	p := slices.Concat([]byte{0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, unix.IPPROTO_UDP, 0, 0}, src[:], dst[:],
		[]byte{0x10, 0, 0x10, 0x92, 0, 12, byte(checksum >> 8), byte(checksum), 'd', 'a', 't', 'a'})
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum+sum>>16))
	return p
}

// sendFrame sends a frame by a device.
func (ns *namespace) sendFrame(device string, frame []byte) {
	ns.t.Helper()
	ns.Do(func() error {
		l, err := netlink.LinkByName(device)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index, Protocol: nl.Swap16(unix.ETH_P_IP)})
	})
}

func (ns *namespace) mac(device string) (mac []byte) {
	ns.t.Helper()
	ns.Do(func() error {
		l, err := netlink.LinkByName(device)
		if err == nil {
			mac = l.Attrs().HardwareAddr
		}
		return err
	})
	return mac
}

// knows has the left side send to the right one without asking for its address first.
func (ns *namespace) knows(right *namespace) {
	ns.t.Helper()
	mac := right.mac(rightDevice)
	ns.Do(func() error {
		l, err := netlink.LinkByName(leftDevice)
		if err != nil {
			return err
		}
		return netlink.NeighSet(&netlink.Neigh{
			LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(rightIPv4), HardwareAddr: mac,
		})
	})
}

// sysctl sets a value below /proc/sys/net.
func (ns *namespace) sysctl(name, value string) {
	ns.t.Helper()
	ns.Do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644) })
}

func (ns *namespace) forward() {
	ns.t.Helper()
	ns.sysctl("ipv4/ip_forward", "1")
	ns.sysctl("ipv4/conf/all/rp_filter", "0")
	ns.sysctl("ipv4/conf/"+rightDevice+"/rp_filter", "0")
}

func hostNet(addr string) *net.IPNet {
	return &net.IPNet{IP: net.ParseIP(addr).To4(), Mask: net.CIDRMask(32, 32)}
}

// routeTo has the left side send by the right one.
func (ns *namespace) routeTo(addr string) {
	ns.t.Helper()
	ns.Do(func() error { return netlink.RouteAdd(&netlink.Route{Dst: hostNet(addr), Gw: net.ParseIP(rightIPv4)}) })
}

// narrow has the way to an address lead by a device with this MTU.
func (ns *namespace) narrow(addr string, mtu int) {
	ns.t.Helper()
	ns.Do(func() error {
		err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "narrow", MTU: mtu}, PeerName: "peer"})
		if err != nil {
			return err
		}
		if err := errors.Join(setUp("narrow"), setUp("peer")); err != nil {
			return err
		}
		l, err := netlink.LinkByName("narrow")
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{Dst: hostNet(addr), LinkIndex: l.Attrs().Index, Scope: netlink.SCOPE_LINK})
	})
}

// fullConntrack has the table of connections have no room, until the test ends. Its size is that of all namespaces.
func (ns *namespace) fullConntrack() {
	ns.t.Helper()
	const file = "/proc/sys/net/netfilter/nf_conntrack_max"
	was, err := os.ReadFile(file)
	require.NoError(ns.t, err)
	require.NoError(ns.t, os.WriteFile(file, []byte("3"), 0o644))
	ns.t.Cleanup(func() { require.NoError(ns.t, os.WriteFile(file, was, 0o644)) })
}
