// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/stretchr/testify/require"
)

// Events, decoded here by the offsets that clients use and not with the project's own
// decoder, so that a mistake can't be made twice.

const (
	eventDrop          = 1
	eventTrace         = 4
	eventPolicyVerdict = 5
)

type event []byte

func (e event) typ() int        { return int(e[0]) }
func (e event) subtype() int    { return int(e[1]) }
func (e event) hash() uint32    { return binary.NativeEndian.Uint32(e[4:]) }
func (e event) lenOrig() int    { return int(binary.NativeEndian.Uint32(e[8:])) }
func (e event) lenCap() int     { return int(binary.NativeEndian.Uint16(e[12:])) }
func (e event) version() int    { return int(e[14]) }
func (e event) u16(at int) int  { return int(binary.NativeEndian.Uint16(e[at:])) }
func (e event) i32(at int) int  { return int(int32(binary.NativeEndian.Uint32(e[at:]))) }
func (e event) u8(at int) uint8 { return e[at] }

// packet returns the captured part of the packet.
func (e event) packet() []byte {
	at := map[int]int{eventDrop: 40, eventTrace: 48, eventPolicyVerdict: 40}[e.typ()]
	return e[at : at+e.lenCap()]
}

// readEvents opens a reader of the events map that lasts as long as the test.
func readEvents(t *testing.T, m *ebpf.Map) *perf.Reader {
	t.Helper()
	rd, err := perf.NewReader(m, 16*os.Getpagesize())
	require.NoError(t, err)
	t.Cleanup(func() { rd.Close() })
	return rd
}

// pending returns the events that are in the ring.
func pending(t *testing.T, rd *perf.Reader) []event {
	t.Helper()
	rd.SetDeadline(time.Now())
	var events []event
	for {
		record, err := rd.Read()
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return events
		}
		require.Zero(t, record.LostSamples)
		events = append(events, record.RawSample)
	}
}

// awaitEvent returns the first event that match accepts.
func awaitEvent(t *testing.T, rd *perf.Reader, match func(event) bool) event {
	t.Helper()
	rd.SetDeadline(time.Now().Add(30 * time.Second))
	for {
		record, err := rd.Read()
		require.NoError(t, err)
		if record.LostSamples == 0 && match(record.RawSample) {
			return record.RawSample
		}
	}
}
