// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is a network namespace of its own for a test.
type namespace struct {
	t      *testing.T
	handle netns.NsHandle
}

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	requireRoot(t)
	ns := &namespace{t: t}
	ns.thread(func() (err error) {
		ns.handle, err = netns.New()
		return err
	})
	t.Cleanup(func() { ns.handle.Close() })
	return ns
}

// do runs f on a thread that is in the namespace.
func (ns *namespace) do(f func() error) {
	ns.t.Helper()
	ns.thread(func() error {
		if err := netns.Set(ns.handle); err != nil {
			return err
		}
		return f()
	})
}

// thread runs f on a thread that ends with it.
func (ns *namespace) thread(f func() error) {
	ns.t.Helper()
	result := make(chan error)
	go func() {
		err := errors.New("f ended its goroutine")
		defer func() { result <- err }()
		runtime.LockOSThread()
		err = f()
	}()
	require.NoError(ns.t, <-result)
}

// Of the pair of devices that connects two namespaces.
const (
	device                = "eth0" // on both sides
	clientIPv4, clientIP6 = "10.0.0.1", "fd00::1"
	serverIPv4, serverIP6 = "10.0.0.2", "fd00::2"
)

// vethPair connects two namespaces.
func vethPair(t *testing.T) (client, server *namespace) {
	t.Helper()
	client, server = newNamespace(t), newNamespace(t)
	client.do(func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs:     netlink.LinkAttrs{Name: device},
			PeerName:      device,
			PeerNamespace: netlink.NsFd(int(server.handle)),
		})
	})
	client.do(func() error { return setUp(clientIPv4, clientIP6) })
	server.do(func() error { return setUp(serverIPv4, serverIP6) })
	return client, server
}

// setUp gives the device its addresses, ready for use at once.
func setUp(ipv4, ipv6 string) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	for _, network := range []net.IPNet{
		{IP: net.ParseIP(ipv4).To4(), Mask: net.CIDRMask(24, 32)},
		{IP: net.ParseIP(ipv6), Mask: net.CIDRMask(64, 128)},
	} {
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: &network, Flags: unix.IFA_F_NODAD}); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(link)
}
