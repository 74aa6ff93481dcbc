// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"strconv"
	"testing"

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
	return &namespace{testns.New(t), t}
}

// loopback makes a namespace that has a loopback device, whose packets are the test's own, and nothing else.
func loopback(t *testing.T) *namespace {
	t.Helper()
	ns := newNamespace(t)
	ns.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	})
	return ns
}

// deniedUDP sends a datagram from the namespace to a port of its loopback device that a datapath denies.
func (ns *namespace) deniedUDP(port string) {
	ns.t.Helper()
	ns.Do(func() error {
		conn, err := net.Dial("udp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("denied")) // the error is that it is
		return nil
	})
}

// Of the pair of devices that connects two namespaces.
const (
	device                = "eth0" // on both sides
	serverIndex           = "12345"
	clientIPv4, clientIP6 = "10.0.0.1", "fd00::1"
	serverIPv4, serverIP6 = "10.0.0.2", "fd00::2"
)

// vethPair connects two namespaces.
func vethPair(t *testing.T) (client, server *namespace) {
	t.Helper()
	client, server = newNamespace(t), newNamespace(t)
	// No other namespace has a device of this index.
	index, err := strconv.Atoi(serverIndex)
	require.NoError(t, err)
	server.ConnectAt(device, index, client.Namespace, device)
	client.Do(func() error { return setUp(clientIPv4, clientIP6) })
	server.Do(func() error { return setUp(serverIPv4, serverIP6) })
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
