// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"context"
	"encoding/binary"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
)

// kernelDrops is a program that watches what the kernel drops, an agent that reads its events, and what it tells of one
// network namespace.
type kernelDrops struct {
	*KernelDrops
	t      *testing.T
	agent  *agent.Agent
	events chan api.Event

	// Of all namespaces: what this reader, or the agent, did not read in time, and what was too much to be told.
	lost, limited atomic.Uint64
}

// watchKernelDrops watches from a namespace until the test ends. Others may drop packets at the same time, in other
// namespaces: they are left out.
func watchKernelDrops(ns *namespace, opts KernelDropsOptions) *kernelDrops {
	t := ns.t
	t.Helper()
	k := &kernelDrops{t: t, events: make(chan api.Event, 1<<14)}
	ns.Do(func() (err error) {
		k.KernelDrops, err = LoadKernelDrops(opts)
		return err
	})
	log := logrus.New()
	log.SetOutput(t.Output())
	ctx, cancel := context.WithCancel(context.Background())
	k.agent = agent.NewAgent(ctx, agent.WithLogger(log))
	require.NoError(t, k.AttachTo(k.agent))
	t.Cleanup(func() {
		cancel()
		<-k.agent.Done()
		require.NoError(t, k.Close())
	})
	return k
}

// subscribe has the events of the namespaces come, until the test ends.
func (k *kernelDrops) subscribe(namespaces ...*namespace) {
	k.t.Helper()
	var inodes []uint32
	for _, ns := range namespaces {
		inodes = append(inodes, ns.inode())
	}
	k.subscribeTo(inodes...)
}

// unknownNamespace is the inode in events of which the kernel does not say in what namespace they are.
const unknownNamespace = 0

// subscribeTo has the events of the namespaces with these inodes come, until the test ends.
func (k *kernelDrops) subscribeTo(inodes ...uint32) {
	k.t.Helper()
	ctx, cancel := context.WithCancel(k.t.Context())
	stream, err := k.agent.SubscribeEvents(ctx, "test", agent.StreamOptions{Interest: interest.Types(api.MessageTypeKernelDrop)})
	require.NoError(k.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pl := range stream {
			if _, limited := pl.RateLimited(); limited {
				k.limited.Add(pl.Lost)
			} else if pl.Type == payload.RecordLost {
				k.lost.Add(pl.Lost)
			}
			var e api.Event
			if e.Decode(pl.Data) == nil && slices.Contains(inodes, e.KernelDrop.NetNS) {
				e.Packet = slices.Clone(e.Packet)
				select {
				case k.events <- e:
				case <-ctx.Done():
				}
			}
		}
	}()
	k.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// inode returns the number by which events call the namespace.
func (ns *namespace) inode() (inode uint32) {
	ns.t.Helper()
	ns.Do(func() (err error) {
		inode, err = netnsInode()
		return err
	})
	return inode
}

// await has drop drop packets until an event comes that is wanted, and returns that. One drop may leave none: if it interrupts
// the program on its CPU, if others on this machine drop as many of the kind as may be told, and where the kernel gets rid of it
// before the packet is where it is to be dropped.
func (k *kernelDrops) await(drop func(), want func(e *api.Event) bool) *api.Event {
	k.t.Helper()
	drop()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	timeout := time.After(healTime)
	for {
		select {
		case <-again.C:
			drop()
		case e := <-k.events:
			if want(&e) {
				return &e
			}
			n := &e.KernelDrop
			k.t.Logf("passed over: %s in %s+%#x, %s, EtherType %#x", n.ReasonText(), n.Function, n.Offset, n.Device, n.Protocol)
		case <-timeout:
			require.Fail(k.t, "no such event came")
		}
	}
}

// TestKernelDrop has a datagram for a closed port.
func TestKernelDrop(t *testing.T) {
	ns := newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	k.subscribe(ns)
	e := k.await(func() { ns.flood(1, 1) }, func(e *api.Event) bool { return e.KernelDrop.Function == closedPort })
	n := e.KernelDrop
	if k.GivesReasons() {
		require.Equal(t, "NO_SOCKET", n.ReasonName)
		require.NotZero(t, n.Reason)
	}
	require.Zero(t, n.PID, "it is dropped in a softirq, whoever was interrupted by that")
	require.Equal(t, "lo", n.Device)
	require.EqualValues(t, 1, n.Ifindex)
	require.EqualValues(t, api.KernelDropIngress, n.Direction)
	require.Equal(t, ns.inode(), n.NetNS)
	require.False(t, n.IsOtherNetNS())
	require.False(t, n.IsL3Device())
	require.EqualValues(t, 0x0800, n.Protocol)
	require.NotZero(t, n.Offset)
	require.Len(t, e.Packet, 14+20+8+len("anybody?"))
	require.EqualValues(t, len(e.Packet), n.OrigLen)
	require.EqualValues(t, 9999, binary.BigEndian.Uint16(e.Packet[14+20+2:]))
	require.Equal(t, "anybody?", string(e.Packet[14+20+8:]))
}

// TestOtherNetNS drops a packet in a namespace that is not the agent's.
func TestOtherNetNS(t *testing.T) {
	ns, other := newNamespace(t), newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	k.subscribe(other)
	n := k.await(func() { other.flood(1, 1) }, func(e *api.Event) bool { return e.KernelDrop.Function == closedPort }).KernelDrop
	require.Equal(t, "lo", n.Device)
	require.True(t, n.IsOtherNetNS())
}
