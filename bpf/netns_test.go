// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/testns"
)

// namespace is a network namespace of its own for a test.
type namespace struct {
	*testns.Namespace
	t *testing.T
}

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	requireRoot(t)
	ns := &namespace{testns.New(t), t}
	ns.Do(func() error { return setUp("lo") })
	return ns
}

// load runs a datapath in the namespace for as long as the test runs.
func (ns *namespace) load(opts Options) *Datapath {
	ns.t.Helper()
	var d *Datapath
	ns.Do(func() (err error) {
		d, err = Load(opts)
		return err
	})
	ns.t.Cleanup(func() { require.NoError(ns.t, d.Close()) })
	return d
}

func (ns *namespace) listenUDP(addr string) *net.UDPConn {
	ns.t.Helper()
	var conn *net.UDPConn
	ns.Do(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(addrPort(addr)))
		return err
	})
	ns.t.Cleanup(func() { conn.Close() })
	return conn
}

// veth connects two namespaces; device names and addresses are those of the constants.
func veth(t *testing.T) (left, right *namespace) {
	t.Helper()
	left, right = newNamespace(t), newNamespace(t)
	connect(left, right)
	return left, right
}

// connect makes the devices of veth.
func connect(left, right *namespace) {
	left.Connect(leftDevice, right.Namespace, rightDevice)
	left.Do(func() error { return errors.Join(addAddrs(leftDevice, leftIPv4, leftIPv6), setUp(leftDevice)) })
	right.Do(func() error { return errors.Join(addAddrs(rightDevice, rightIPv4, rightIPv6), setUp(rightDevice)) })
	left.awaitUp(leftDevice)
	right.awaitUp(rightDevice)
}

// awaitUp waits until a device sends packets: the kernel drops them until it has taken note of the other end.
func (ns *namespace) awaitUp(device string) {
	ns.t.Helper()
	require.Eventually(ns.t, func() (up bool) {
		ns.Do(func() error {
			l, err := netlink.LinkByName(device)
			up = err == nil && l.Attrs().OperState == netlink.OperUp
			return err
		})
		return up
	}, healTime, time.Millisecond)
}

const (
	leftDevice, leftIPv4, leftIPv6    = "left", "10.0.0.1", "fd00::1"
	rightDevice, rightIPv4, rightIPv6 = "right", "10.0.0.2", "fd00::2"
)

func setUp(device string) error {
	l, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

// addAddrs adds the addresses, ready for use at once.
func addAddrs(device string, addrs ...string) error {
	l, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	for _, addr := range addrs {
		ip := net.ParseIP(addr)
		bits := 64
		if ip.To4() != nil {
			ip, bits = ip.To4(), 24
		}
		err := netlink.AddrAdd(l, &netlink.Addr{
			IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, 8*len(ip))},
			Flags: unix.IFA_F_NODAD,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tunTap makes a TUN or TAP device that sends what is written to the file.
func (ns *namespace) tunTap(name string, mode netlink.TuntapMode) *os.File {
	ns.t.Helper()
	device := &netlink.Tuntap{
		LinkAttrs:  netlink.LinkAttrs{Name: name},
		Mode:       mode,
		Flags:      netlink.TUNTAP_NO_PI,
		NonPersist: true,
		Queues:     1,
	}
	ns.Do(func() error { return errors.Join(netlink.LinkAdd(device), setUp(name)) })
	ns.t.Cleanup(func() { device.Fds[0].Close() })
	return device.Fds[0]
}
