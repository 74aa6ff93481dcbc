// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

// closeUnread closes a Unix socket that has something to read.
func (ns *namespace) closeUnread() {
	ns.t.Helper()
	ns.Do(func() error {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		_, err = unix.Write(fds[0], []byte("read this"))
		return errors.Join(err, unix.Close(fds[1]), unix.Close(fds[0]))
	})
}

// TestNoise counts what is no loss to anybody apart, and makes no events of it, unless it is told to.
func TestNoise(t *testing.T) {
	ns := newNamespace(t)
	for _, all := range []bool{false, true} {
		k := watchKernelDrops(ns, KernelDropsOptions{All: all})
		k.subscribe(ns)
		ofUnix := func(function string) bool { return strings.HasPrefix(function, "unix_") }
		require.Eventually(t, func() bool {
			ns.closeUnread()
			counts, err := k.Counts()
			require.NoError(t, err)
			var noise uint64
			for _, c := range counts {
				if ofUnix(c.Function) {
					require.True(t, c.Noise, "%+v", c)
					noise += c.Drops
				}
			}
			return noise != 0
		}, healTime, 10*time.Millisecond)

		k.await(func() { ns.closeUnread(); ns.flood(1, 1) }, func(e *api.Event) bool {
			if all {
				return ofUnix(e.KernelDrop.Function)
			}
			require.False(t, ofUnix(e.KernelDrop.Function))
			return e.KernelDrop.Function == closedPort // which came after it
		})
	}
}

// ping sends an echo request from a raw socket, as ping does for root, and gets the reply.
func (ns *namespace) ping(network, to string, request []byte) {
	ns.t.Helper()
	ns.Do(func() error {
		conn, err := net.ListenPacket(network, to)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.WriteTo(request, &net.IPAddr{IP: net.ParseIP(to)}); err != nil {
			return err
		}
		for { // the request comes, too
			reply := make([]byte, 64)
			if _, _, err := conn.ReadFrom(reply); err != nil || reply[0] != request[0] {
				return err
			}
		}
	})
}

// TestPing has replies that a raw socket gets. The kernel drops what it would have for sockets of another kind, for
// want of one.
func TestPing(t *testing.T) {
	ns := newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	k.subscribe(ns)
	ns.ping("ip4:icmp", "127.0.0.1", []byte{8, 0, 0xf7, 0xfd, 0, 1, 0, 1})
	ns.ping("ip6:ipv6-icmp", "::1", []byte{128, 0, 0, 0, 0, 0, 0, 0}) // the kernel fills in the checksum
	k.await(func() { ns.flood(1, 1) }, func(e *api.Event) bool {
		require.NotEqual(t, "ping_rcv", e.KernelDrop.Function)
		return e.KernelDrop.Function == closedPort // which came after them
	})
	counts, err := k.Counts()
	require.NoError(t, err)
	for _, c := range counts {
		require.True(t, c.Noise || c.Function != "ping_rcv", "%+v", c)
	}
}
