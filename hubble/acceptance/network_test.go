// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/testns"
)

// network is a bridge in a namespace, where Relay and users are, to which the namespaces of nodes are connected.
type network struct {
	t      *testing.T
	users  *testns.Namespace
	bridge int // its index
}

const (
	device    = "eth0" // of each node
	usersIPv4 = "10.7.0.254"
)

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{t: t, users: testns.New(t)}
	n.users.Do(func() error {
		if err := setUp("lo", ""); err != nil {
			return err
		}
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
		if err := netlink.LinkAdd(bridge); err != nil {
			return err
		}
		n.bridge = bridge.Index
		return setUp("br0", usersIPv4)
	})
	return n
}

// connect connects another node, the ith one from 1 on, and returns its namespace and its address.
func (n *network) connect(i int) (ns *testns.Namespace, address string) {
	n.t.Helper()
	ns, address = testns.New(n.t), fmt.Sprint("10.7.0.", i)
	port := fmt.Sprint("node", i)
	ns.Connect(device, n.users, port)
	ns.Do(func() error {
		if err := setUp("lo", ""); err != nil {
			return err
		}
		return setUp(device, address)
	})
	n.users.Do(func() error {
		link, err := netlink.LinkByName(port)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetMasterByIndex(link, n.bridge); err != nil {
			return err
		}
		return netlink.LinkSetUp(link)
	})
	return ns, address
}

// setUp sets up a device, with an address unless that is empty.
func setUp(device, ipv4 string) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	if ipv4 != "" {
		address := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(ipv4).To4(), Mask: net.CIDRMask(24, 32)}, Flags: unix.IFA_F_NODAD}
		if err := netlink.AddrAdd(link, address); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(link)
}

// send sends a datagram for each source port to a port of a node.
func (n *network) send(address string, sourcePorts []int, port int) {
	n.t.Helper()
	for _, source := range sourcePorts {
		n.users.Do(func() error {
			conn, err := net.DialUDP("udp", &net.UDPAddr{Port: source}, &net.UDPAddr{IP: net.ParseIP(address), Port: port})
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.Write([]byte("dropped"))
			return err
		})
	}
}

// ports returns n ports from one on.
func ports(first, n int) (all []int) {
	for i := range n {
		all = append(all, first+i)
	}
	return all
}

// requireEach requires drops of each source port, of the node that it was sent to, once.
func requireEach(t *testing.T, want map[string][]int, drops []response) {
	t.Helper()
	got := map[string][]int{}
	for _, d := range drops {
		got[d.NodeName] = append(got[d.NodeName], d.Flow.L4.UDP.SourcePort)
	}
	require.Len(t, got, len(want))
	for name, ports := range want {
		require.ElementsMatch(t, ports, got[name], name)
	}
}
