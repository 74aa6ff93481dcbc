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
