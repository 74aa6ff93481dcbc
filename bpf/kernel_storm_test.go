// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/metrics"
)

// closedPort is where datagrams for a closed port are dropped.
const closedPort = "__udp4_lib_rcv"

// closedPortDrops returns what was counted of datagrams for a closed port of lo.
func (k *kernelDrops) closedPortDrops() metrics.KernelDrop {
	k.t.Helper()
	kind := metrics.KernelDrop{Reason: "NO_SOCKET", Function: closedPort, Device: "lo", Direction: "ingress"}
	if !k.GivesReasons() {
		kind.Reason = ""
	}
	return k.counted(kind)
}

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
	const datagrams = 30_000
	ns := newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	k.subscribe(ns)
	ns.flood(datagrams, 4)

	var c metrics.KernelDrop
	require.Eventually(t, func() bool {
		c = k.closedPortDrops()
		return c.Drops+k.backlog()+k.missed() >= datagrams // what is missed is of others on this machine, too
	}, healTime, 10*time.Millisecond)
	require.NotZero(t, c.Limited, "a storm is limited")

	// Each drop left an event, or was told as limited. An event tells of those before it, on its CPU; those behind the last one
	// are for the next one to tell.
	var events, told uint64
	require.Eventually(t, func() bool {
		for len(k.events) > 0 {
			if n := (<-k.events).KernelDrop; n.Function == closedPort {
				events++
				told += uint64(n.Limited)
			}
		}
		c = k.closedPortDrops()
		return events+k.lost.Load() >= c.Drops-c.Limited && k.limited.Load() >= c.Limited
	}, healTime, 10*time.Millisecond)
	require.LessOrEqual(t, c.Drops, uint64(datagrams))
	require.LessOrEqual(t, events, c.Drops-c.Limited)
	require.LessOrEqual(t, told, c.Limited)
	t.Logf("%d of %d drops left an event, %d others are told by those", events, c.Drops, told)
}

// TestCountsWithoutSubscriber counts what nobody watches.
func TestCountsWithoutSubscriber(t *testing.T) {
	ns := newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	ns.flood(100, 1)
	var c metrics.KernelDrop
	require.Eventually(t, func() bool {
		c = k.closedPortDrops()
		return c.Drops+k.missed() >= 100
	}, healTime, 10*time.Millisecond)
	require.Zero(t, c.Limited, "nobody was kept from being told")
}
