// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

// unread is a datagram that nobody reads.
var unread = []byte("nobody reads this")

// udpClose are the functions in which what a UDP socket has not read ends.
var udpClose = []string{"udp_destruct_common", "udp_destruct_sock"}

// closeUnreadUDP closes a UDP socket that has a datagram to read.
func (ns *namespace) closeUnreadUDP() {
	ns.t.Helper()
	ns.Do(func() error {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.WriteTo(unread, conn.LocalAddr()); err != nil {
			return err
		}
		raw, err := conn.(*net.UDPConn).SyscallConn()
		if err != nil {
			return err
		}
		buf := make([]byte, len(unread))
		read := raw.Read(func(fd uintptr) bool { // wait until it is there
			_, _, err = unix.Recvfrom(int(fd), buf, unix.MSG_PEEK)
			return !errors.Is(err, unix.EAGAIN)
		})
		return errors.Join(read, err)
	})
}

// closeUnreadTUN closes a TUN device that has packets to read.
func (ns *namespace) closeUnreadTUN() {
	ns.t.Helper()
	file := ns.tunTap("tun", netlink.TUNTAP_MODE_TUN)
	ns.Do(func() error {
		if err := addAddrs("tun", "10.0.9.1"); err != nil {
			return err
		}
		conn, err := net.Dial("udp", "10.0.9.2:4242")
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write(unread)
		return err
	})
	require.NoError(ns.t, file.Close())
}

// testRun has the kernel run a program on a packet that it makes for that, and frees afterwards.
func (ns *namespace) testRun() {
	ns.t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.SchedCLS,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		License:      "MIT",
	})
	require.NoError(ns.t, err)
	defer p.Close()
	ns.Do(func() error {
		_, _, err := p.Test(make([]byte, 64))
		return err
	})
}

// TestLeftovers has packets that are freed without a reason, by functions that free only what nobody waits for any more.
func TestLeftovers(t *testing.T) {
	ns := newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	if !k.GivesReasons() {
		t.Skip("before Linux 5.17 nothing is dropped for a reason")
	}
	k.subscribeTo(ns.inode(), unknownNamespace)
	var all []string
	for _, free := range []struct {
		functions []string
		leave     func()
	}{
		{udpClose, ns.closeUnreadUDP},
		{[]string{"tun_queue_purge"}, ns.closeUnreadTUN},
		{[]string{"bpf_prog_test_run_skb"}, ns.testRun},
	} {
		all = append(all, free.functions...)
		require.Eventually(t, func() bool {
			free.leave()
			counts, err := k.Counts() // RCU frees sockets later: it may have those of the last time
			require.NoError(t, err)
			var noise uint64
			for _, c := range counts {
				if slices.Contains(free.functions, c.Function) {
					require.True(t, c.Noise, "%+v", c)
					noise += c.Drops
				}
			}
			return noise != 0
		}, healTime, 50*time.Millisecond, free.functions)
	}

	k.await(func() { ns.flood(1, 1) }, func(e *api.Event) bool {
		require.NotContains(t, all, e.KernelDrop.Function)
		return e.KernelDrop.Function == closedPort // which came after them
	})
}

// TestUnknownNetNS has a datagram whose queue has made the kernel forget where it was received: the index of the device
// must not be taken for one of the agent's.
func TestUnknownNetNS(t *testing.T) {
	k := watchKernelDrops(newNamespace(t), KernelDropsOptions{All: true})
	k.subscribeTo(unknownNamespace)
	n := k.await(newNamespace(t).closeUnreadUDP, func(e *api.Event) bool {
		return slices.Contains(udpClose, e.KernelDrop.Function) && bytes.Contains(e.Packet, unread)
	}).KernelDrop
	require.NotZero(t, n.Ifindex)
	require.Empty(t, n.Device)
	require.True(t, n.IsOtherNetNS())
}
