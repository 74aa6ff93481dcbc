// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/metrics"
)

// closedPortDrops are those of datagrams for a closed port of lo.
var closedPortDrops = metrics.KernelDrop{Reason: "NO_SOCKET", Function: "__udp4_lib_rcv", Device: "lo", Direction: "ingress"}

// counted returns what was counted of a kind.
func (k *kernelDrops) counted(kind metrics.KernelDrop) metrics.KernelDrop {
	k.t.Helper()
	counts, err := k.Counts()
	require.NoError(k.t, err)
	var found []metrics.KernelDrop
	for _, c := range counts {
		if c.Reason == kind.Reason && c.Function == kind.Function && c.Device == kind.Device && c.Direction == kind.Direction && c.Noise == kind.Noise {
			found = append(found, c)
		}
	}
	require.LessOrEqual(k.t, len(found), 1, "each kind is there once")
	return append(found, metrics.KernelDrop{})[0]
}

// backlog returns how many packets on lo did not get as far as the port: on a slow machine a queue before that can be full, too.
func (k *kernelDrops) backlog() (sum uint64) {
	k.t.Helper()
	counts, err := k.Counts()
	require.NoError(k.t, err)
	for _, c := range counts {
		if c.Device == "lo" && c.Function == "enqueue_to_backlog" {
			sum += c.Drops
		}
	}
	return sum
}

// missed returns how many drops were not counted.
func (k *kernelDrops) missed() uint64 {
	k.t.Helper()
	n, err := k.Missed()
	require.NoError(k.t, err)
	return n
}

// flood sends datagrams to a closed port, from several threads at once.
func (ns *namespace) flood(datagrams, threads int) {
	ns.t.Helper()
	var wg sync.WaitGroup
	for range threads {
		conn := ns.listenUDP("127.0.0.1:0")
		wg.Go(func() {
			for range datagrams / threads {
				// The ICMP error for one before is no matter.
				_, _ = conn.WriteToUDPAddrPort([]byte("anybody?"), netip.MustParseAddrPort("127.0.0.1:9999"))
			}
		})
	}
	wg.Wait()
}

// TestStorm floods a closed port. Few events are made, and each packet is accounted for: by the counters, and by the events
// themselves.
func TestStorm(t *testing.T) {
	const datagrams = 100_000
	ns := newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	if !k.GivesReasons() {
		closedPortDrops.Reason = ""
	}
	k.subscribe(ns)
	ns.flood(datagrams, 4)

	var c metrics.KernelDrop
	require.Eventually(t, func() bool {
		c = k.counted(closedPortDrops)
		return c.Drops+k.backlog()+k.missed() >= datagrams
	}, 30*time.Second, 10*time.Millisecond)
	require.LessOrEqual(t, c.Drops, uint64(datagrams))
	if k.backlog() == 0 {
		require.EqualValues(t, datagrams, c.Drops+k.missed())
	}
	require.NotZero(t, c.Limited, "a storm is limited")

	// Each drop left an event, or was told as limited. An event tells of those before it, on its CPU; those behind the last one
	// are for the next one to tell.
	var events, told uint64
	require.Eventually(t, func() bool {
		for len(k.events) > 0 {
			if n := (<-k.events).KernelDrop; n.Function == closedPortDrops.Function {
				events++
				told += uint64(n.Limited)
			}
		}
		return events+k.lost.Load() >= c.Drops-c.Limited && k.limited.Load() >= c.Limited
	}, 10*time.Second, 10*time.Millisecond)
	require.LessOrEqual(t, events, c.Drops-c.Limited)
	require.LessOrEqual(t, told, c.Limited)
	t.Logf("%d of %d drops left an event, %d others are told by those", events, c.Drops, told)
}

// TestCountsWithoutSubscriber counts what nobody watches, and tells noise from losses.
func TestCountsWithoutSubscriber(t *testing.T) {
	ns := newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	if !k.GivesReasons() {
		t.Skip("this kernel gives no reasons: nothing is noise")
	}
	ns.flood(100, 1)
	c := k.counted(closedPortDrops)
	require.EqualValues(t, 100, c.Drops+k.missed())
	require.Zero(t, c.Limited, "nobody was kept from being told")

	// A socket that is closed with a datagram in its queue.
	conn := ns.listenUDP("127.0.0.1:0")
	to := conn.LocalAddr().(*net.UDPAddr)
	_, err := conn.WriteToUDP([]byte("read this"), to)
	require.NoError(t, err)
	noise := func() (sum uint64) {
		counts, err := k.Counts()
		require.NoError(t, err)
		for _, c := range counts {
			if c.Noise {
				sum += c.Drops
			}
		}
		return sum
	}
	before := noise()
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return noise() > before }, 10*time.Second, 10*time.Millisecond, "the kernel frees a socket when nobody can see it any more")
}
