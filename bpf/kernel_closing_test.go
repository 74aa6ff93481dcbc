// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/metrics"
)

// halfClosed makes a connection within the namespace that one side has closed, and of whose closing the other has told it
// that it knows.
func (ns *namespace) halfClosed(addr string) (open *net.TCPConn) {
	ns.t.Helper()
	ns.Do(func() error {
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		defer listener.Close()
		closed, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			return err
		}
		conn, err := listener.Accept()
		if err != nil {
			return errors.Join(err, closed.Close())
		}
		open = conn.(*net.TCPConn)
		return closed.Close()
	})
	_, err := open.Read(make([]byte, 1))
	require.ErrorIs(ns.t, err, io.EOF)
	raw, err := open.SyscallConn()
	require.NoError(ns.t, err)
	// The ACK that waits for data to go with is sent now.
	control := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	require.NoError(ns.t, errors.Join(control, err))
	return open
}

// TestClosing has one side of a TCP connection close it, then the other: the former's kernel frees the latter's FIN without
// a reason. Data in place of the FIN is lost, and told.
func TestClosing(t *testing.T) {
	for _, at := range []struct {
		addr, function string
		headers        int // their length
	}{
		{"127.0.0.1:0", "tcp_v4_rcv", 14 + 20 + 32},
		{"[::1]:0", "tcp_v6_rcv", 14 + 40 + 32},
	} {
		t.Run(at.function, func(t *testing.T) {
			ns := newNamespace(t)
			k := watchKernelDrops(ns, KernelDropsOptions{})
			if !k.GivesReasons() {
				t.Skip("before Linux 5.17 nothing is dropped for a reason")
			}
			k.subscribe(ns)
			unspecified := func(noise bool) (drops uint64) {
				counts, err := k.Counts()
				require.NoError(t, err)
				for _, c := range counts {
					if c.Reason == "NOT_SPECIFIED" && c.Function == at.function && c.Device == "lo" && c.Noise == noise {
						drops += c.Drops
					}
				}
				return drops
			}
			// Again if what is sent next comes before the ACK is looked at.
			require.Eventually(t, func() bool {
				require.NoError(t, ns.halfClosed(at.addr).Close())
				return unspecified(true) != 0
			}, healTime, time.Millisecond)
			require.Zero(t, unspecified(false))

			// What comes behind the data is dropped for another reason: there is no such socket any more.
			e := k.await(func() {
				open := ns.halfClosed(at.addr)
				_, err := open.Write(unread)
				require.NoError(t, errors.Join(err, open.Close()))
			}, func(e *api.Event) bool {
				return e.KernelDrop.Function == at.function && e.KernelDrop.ReasonName == "NOT_SPECIFIED"
			})
			require.EqualValues(t, at.headers+len(unread), e.KernelDrop.OrigLen, "the first that is told")
			require.NotZero(t, unspecified(false))
		})
	}
}

// ofGroup tells whether that is where the kernel drops what it has read of groups.
func ofGroup(c metrics.KernelDrop) bool { return c.Function == "igmp_rcv" }

// TestOwnMulticast has a message to a group that its sender is in. The kernel sends a copy to itself, and drops
// that without a reason.
func TestOwnMulticast(t *testing.T) {
	left, _ := veth(t)
	k := watchKernelDrops(left, KernelDropsOptions{})
	if !k.GivesReasons() {
		t.Skip("before Linux 5.17 nothing is dropped for a reason")
	}
	k.subscribe(left)
	group := net.IPv4(239, 1, 2, 3)
	report := func() error {
		device, err := net.InterfaceByName(leftDevice)
		if err != nil {
			return err
		}
		member, err := net.ListenMulticastUDP("udp4", device, &net.UDPAddr{IP: group, Port: 4242})
		if err != nil {
			return err
		}
		defer member.Close()
		conn, err := net.ListenPacket("ip4:igmp", leftIPv4)
		if err != nil {
			return err
		}
		report := slices.Concat([]byte{0x16, 0, 0xf8, 0xfa}, group.To4()) // of version 2
		_, err = conn.WriteTo(report, &net.IPAddr{IP: group})
		return errors.Join(err, conn.Close())
	}
	require.Eventually(t, func() bool {
		left.Do(report)
		counts, err := k.Counts()
		require.NoError(t, err)
		i := slices.IndexFunc(counts, ofGroup)
		if i >= 0 {
			require.True(t, counts[i].Noise)
		}
		return i >= 0
	}, healTime, 10*time.Millisecond)
	k.await(func() { left.flood(1, 1) }, func(e *api.Event) bool {
		require.NotEqual(t, "igmp_rcv", e.KernelDrop.Function)
		return e.KernelDrop.Function == closedPort // which came after it
	})
}
