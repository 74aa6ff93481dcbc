// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/hive/hivetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
)

// toRingBuffer has programs write into a ring buffer of that size.
func toRingBuffer(size int) func(*ebpf.CollectionSpec) {
	return func(spec *ebpf.CollectionSpec) {
		opts := Options{RingBufferSize: size}
		if err := opts.setKind(spec); err != nil {
			panic(err)
		}
	}
}

// inRingBuffer returns the events that are in a ring buffer.
func inRingBuffer(t *testing.T, m *ebpf.Map) (events []event) {
	t.Helper()
	rd, err := ringbuf.NewReader(m)
	require.NoError(t, err)
	defer rd.Close()
	rd.SetDeadline(time.Unix(1, 0))
	for {
		record, err := rd.Read()
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return events
		}
		events = append(events, record.RawSample)
	}
}

// TestRingBufferEvents has all kinds of packets leave the same events in a ring buffer as in a perf ring
// buffer, but for the padding behind them.
func TestRingBufferEvents(t *testing.T) {
	rules := []string{"udp/9999", "icmp"}
	perfObjects, rd := loadPrograms(t, rules...)
	ringObjects := new(ethernetObjects)
	loadInto(t, ringObjects, toRingBuffer(1<<16), rules...)
	packets := [][]byte{
		udp4("10.0.0.1", "10.0.0.2", 53), udp4("10.0.0.1", "10.0.0.2", 9999), udp6("fd00::1", "fd00::2", 9999),
		append(ethernet(0x1234, nil), make([]byte, 50)...), append(udp4("10.0.0.1", "10.0.0.2", 53), make([]byte, 1000)...),
	}
	for _, p := range newCorpus(300) {
		if len(p.frame) >= 14+40 { // the kernel runs no program on less of IPv6
			packets = append(packets, p.frame)
		}
	}
	for _, packet := range packets {
		for _, progs := range [][2]*ebpf.Program{{perfObjects.FromNetwork, ringObjects.FromNetwork}, {perfObjects.ToNetwork, ringObjects.ToNetwork}} {
			verdict, want := run(t, progs[0], rd, packet)
			ringVerdict, _, err := progs[1].Test(packet)
			require.NoError(t, err)
			require.Equal(t, verdict, ringVerdict)
			got := inRingBuffer(t, ringObjects.EventsRingbuf)
			require.Len(t, got, len(want))
			for i, e := range got {
				require.Len(t, e, len(e)-len(e.packet())+e.lenCap())
				require.Equal(t, want[i][:len(e)], e, "%x", packet)
				require.Equal(t, want[i].packet(), e.packet())
			}
		}
	}
}

// TestRingBufferTagged has a packet whose VLAN tag is beside it.
func TestRingBufferTagged(t *testing.T) {
	objects := new(ethernetObjects)
	loadInto(t, objects, func(spec *ebpf.CollectionSpec) {
		toRingBuffer(1 << 16)(spec)
		pushTags(spec, unix.ETH_P_8021Q, testTCI)
	})
	packet := udp4("10.0.0.1", "10.0.0.2", 53)
	_, _, err := objects.FromNetwork.Test(packet)
	require.NoError(t, err)
	events := inRingBuffer(t, objects.EventsRingbuf)
	require.Len(t, events, 1)
	require.Equal(t, withTag(unix.ETH_P_8021Q, testTCI, packet), events[0].packet())
}

// TestRingBufferLosses counts what there is no room for.
func TestRingBufferLosses(t *testing.T) {
	objects := new(ethernetObjects)
	loadInto(t, objects, toRingBuffer(os.Getpagesize()))
	packet := udp4("10.0.0.1", "10.0.0.2", 53)
	for range 100 {
		_, _, err := objects.FromNetwork.Test(packet)
		require.NoError(t, err)
	}
	var cpus []uint64
	require.NoError(t, objects.EventsLost.Lookup(uint32(0), &cpus))
	lost := uint64(0)
	for _, n := range cpus {
		lost += n
	}
	require.EqualValues(t, 100, len(inRingBuffer(t, objects.EventsRingbuf))+int(lost))
	require.NotZero(t, lost)
}

// eventChannel is a consumer of events of the datapath.
type eventChannel chan event

func (c eventChannel) NotifyAgentEvent(int, any)          {}
func (c eventChannel) NotifyPerfEvent(data []byte, _ int) { c <- data }
func (c eventChannel) NotifyPerfEventLost(uint64, int)    {}

// TestRingBufferCell has the cell make a ring buffer, which an agent reads, and leave nothing behind.
func TestRingBufferCell(t *testing.T) {
	ns := newNamespace(t)
	path := eventsPath(t)
	h, ready := newHive(t, path, "--device=lo", "--datapath-events=ringbuf")
	log := hivetest.Logger(t)
	for range 2 {
		ns.Do(func() error { return h.Start(log, t.Context()) })
		require.NoError(t, (*ready)(t.Context()))
		a := agent.NewAgent(t.Context(), agent.WithEventsMap(path))
		c := make(eventChannel, 100)
		a.RegisterNewConsumer(c)
		require.NoError(t, a.AttachToEventsMap(1))
		require.EqualValues(t, DefaultRingBufferSize(), a.State().Npages*a.State().Pagesize)
		require.False(t, a.Stats().Sources[0].LossesUnknown)
		require.True(t, a.Stats().Sources[0].Selective)
		client, server := ns.listenUDP("127.0.0.1:5001"), ns.listenUDP("127.0.0.1:5002")
		send(t, client, server, "hello")
		for e := range c { // the end is that of the test binary, if it does not come
			if has(eventTrace, 10, "hello")(e) {
				break
			}
		}
		client.Close()
		server.Close()
		require.NoError(t, a.DetachFromEventsMap(t.Context()))
		require.NoError(t, h.Stop(log, t.Context()))
		assert.NoDirExists(t, filepath.Dir(path))
	}
}

// TestRingBufferSizes asks for sizes that can't be.
func TestRingBufferSizes(t *testing.T) {
	requireRoot(t)
	for _, size := range []int{-1, 1, 5000, 1 << 33} {
		_, err := Load(Options{Devices: []string{"lo"}, EventsMap: eventsPath(t), RingBufferSize: size})
		require.Error(t, err, size)
	}
	size := DefaultRingBufferSize()
	require.GreaterOrEqual(t, size, 256<<10)
	require.LessOrEqual(t, size, 8<<20)
	require.Zero(t, size&(size-1))
}
