// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"io"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	verdictNext = ^uint32(0) // TC_ACT_UNSPEC: on to the next program
	verdictDrop = 2          // TC_ACT_SHOT
)

// ethernetObjects are the programs for devices with Ethernet headers. The verifier needs half as
// long for them as for hostObjects.
type ethernetObjects struct {
	FromNetwork *ebpf.Program `ebpf:"from_network"`
	ToNetwork   *ebpf.Program `ebpf:"to_network"`
	hostMaps
}

func (o *ethernetObjects) Close() error {
	return errors.Join(o.FromNetwork.Close(), o.ToNetwork.Close(), o.hostMaps.Close())
}

// loadPrograms loads the programs with the rules, attached to nothing.
func loadPrograms(t *testing.T, rules ...string) (*ethernetObjects, *perf.Reader) {
	t.Helper()
	objects := new(ethernetObjects)
	loadInto(t, objects, func(*ebpf.CollectionSpec) {}, rules...)
	return objects, readEvents(t, objects.CiliumEvents)
}

// loadInto loads what objects has fields for, as change leaves it.
func loadInto(t *testing.T, objects io.Closer, change func(*ebpf.CollectionSpec), rules ...string) {
	t.Helper()
	requireRoot(t)

	spec, err := loadHost()
	require.NoError(t, err)
	require.NoError(t, setRules(spec, mustParseRules(t, rules...)))
	change(spec)
	_, err = loadHostPrograms(spec, objects, nil)
	require.NoError(t, err)
	t.Cleanup(func() { objects.Close() })
}

// loadAll loads all programs, attached to nothing.
func loadAll(t *testing.T) *hostObjects {
	t.Helper()
	objects := new(hostObjects)
	loadInto(t, objects, func(*ebpf.CollectionSpec) {})
	return objects
}

// run runs the program on a packet and returns its verdict and the events.
func run(t *testing.T, prog *ebpf.Program, rd *perf.Reader, packet []byte) (uint32, []event) {
	t.Helper()
	verdict, _, err := prog.Test(packet)
	require.NoError(t, err)
	return verdict, pending(t, rd)
}

func TestTrace(t *testing.T) {
	objects, rd := loadPrograms(t)
	packet := udp4("10.0.0.1", "10.0.0.2", 53)

	for _, tc := range []struct {
		prog  *ebpf.Program
		point int
	}{{objects.FromNetwork, 10}, {objects.ToNetwork, 11}} {
		verdict, events := run(t, tc.prog, rd, packet)
		assert.Equal(t, verdictNext, verdict)
		require.Len(t, events, 1)

		e := events[0]
		assert.Equal(t, eventTrace, e.typ())
		assert.Equal(t, tc.point, e.subtype())
		assert.Equal(t, 1, e.version())
		assert.NotZero(t, e.hash())
		assert.Equal(t, len(packet), e.lenOrig())
		assert.Equal(t, packet, e.packet())
		assert.Zero(t, e.u8(27), "flags")
		assert.Equal(t, 1, e.i32(28), "ifindex of lo, where test runs take place")
	}

	t.Run("flags IPv6", func(t *testing.T) {
		_, events := run(t, objects.FromNetwork, rd, udp6("fd00::1", "fd00::2", 53))
		require.Len(t, events, 1)
		assert.EqualValues(t, 1, events[0].u8(27))
	})
}
