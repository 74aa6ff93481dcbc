// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/metrics"
)

// liveFrames is a flood as no sender makes it: the kernel receives frames that it makes itself.
type liveFrames struct {
	prog  *ebpf.Program
	frame []byte
}

// newLiveFrames has frames for another host's address: it is hard to drop a packet with less work.
func newLiveFrames(t testing.TB) *liveFrames {
	t.Helper()
	const xdpPass = 2
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.XDP,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, xdpPass), asm.Return()},
		License:      "MIT",
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, prog.Close()) })
	otherHost := []byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0}
	return &liveFrames{prog, slices.Concat(otherHost, udpWithChecksum(leftIPv4, rightIPv4, 0), make([]byte, 64))}
}

// receive has the loopback device of the calling thread's namespace receive frames.
func (l *liveFrames) receive(frames int) error {
	const live = 1 << 1 // BPF_F_TEST_XDP_LIVE_FRAMES
	_, err := l.prog.Run(&ebpf.RunOptions{Data: l.frame, Repeat: uint32(frames), Flags: live})
	return err
}

var otherHost = metrics.KernelDrop{Reason: "OTHERHOST", Function: "ip_rcv_core", Device: "lo", Direction: "ingress"}

// TestLiveFrames drops more than a million packets a second, and accounts for each: by the counters, and by the events and what is
// told as limited.
func TestLiveFrames(t *testing.T) {
	const frames = 200_000
	ns := newNamespace(t)
	k := watchKernelDrops(ns, KernelDropsOptions{})
	if !k.GivesReasons() {
		t.Skip("before Linux 5.18 there are no live frames")
	}
	k.subscribe(ns)
	l := newLiveFrames(t)
	start := time.Now()
	ns.Do(func() error { return l.receive(frames) })
	t.Logf("%.0f drops a second", frames/time.Since(start).Seconds())

	c := k.counted(otherHost)
	require.EqualValues(t, frames, c.Drops+k.missed())
	require.NotZero(t, c.Limited)
	var events uint64
	require.Eventually(t, func() bool {
		for len(k.events) > 0 {
			if n := (<-k.events).KernelDrop; n.ReasonName == otherHost.Reason {
				events++
			}
		}
		return events+k.lost.Load() >= c.Drops-c.Limited && k.limited.Load() >= c.Limited
	}, 30*time.Second, 10*time.Millisecond)
	if k.lost.Load() == 0 {
		require.Equal(t, c.Drops-c.Limited, events)
	}
}

// BenchmarkKernelDrop is what a packet costs that is dropped: without a program, with one that counts, with somebody who watches a
// storm, and with one who gets each drop. CPU is that of the whole process, which is the agent, too.
func BenchmarkKernelDrop(b *testing.B) {
	requireRoot(b)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	was, err := netns.Get()
	require.NoError(b, err)
	defer was.Close()
	ns, err := netns.New()
	require.NoError(b, err)
	defer ns.Close()
	defer func() { require.NoError(b, netns.Set(was)) }()
	require.NoError(b, setUp("lo"))
	l := newLiveFrames(b)
	measure := func(name string, batch int) {
		b.Run(name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			require.NoError(b, netns.Set(ns))
			before, drops := cpuTime(b), 0
			for b.Loop() {
				require.NoError(b, l.receive(batch))
				drops += batch
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(drops), "ns/drop")
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(drops), "cpu-ns/drop")
		})
	}
	const flood = 1_000_000
	measure("unattached/flood", flood)
	measure("unattached/single", 1)
	k, err := LoadKernelDrops(KernelDropsOptions{})
	require.NoError(b, err)
	measure("unwatched/flood", flood)
	measure("unwatched/single", 1)
	stop := watchAll(b, k)
	measure("watched/flood", flood)
	measure("watched/single", 1)
	stop()
	require.NoError(b, k.Close())
}

// cpuTime is what the process has used.
func cpuTime(b *testing.B) time.Duration {
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// watchAll has an agent read all events, until the function that it returns is called.
func watchAll(b *testing.B, k *KernelDrops) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	a := agent.NewAgent(ctx, agent.WithLogger(logrus.New()))
	require.NoError(b, k.AttachTo(a))
	events, err := a.SubscribeEvents(ctx, "bench", agent.StreamOptions{Interest: interest.Types(api.MessageTypeKernelDrop)})
	require.NoError(b, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range events {
		}
	}()
	return func() {
		cancel()
		<-done
		<-a.Done()
	}
}
