// SPDX-License-Identifier: Apache-2.0

package pcapng_test

import (
	"bytes"
	"testing"

	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format/pcapng"
)

// TestLargeWrites has a disk that takes one write: of it there is room for 60 kB, which is what
// an entire buffer has at least.
func TestLargeWrites(t *testing.T) {
	disk := &fullDisk{left: 1}
	w, err := pcapng.NewWriter(disk)
	require.NoError(t, err)
	for range 52 {
		require.NoError(t, w.Write(decode(trace(udp(t, 53, make([]byte, 1000)), 1100)), now))
		require.Equal(t, 1, disk.left, "written after %d bytes", w.Size())
	}
	require.Greater(t, w.Size(), int64(60_000))
	require.Less(t, w.Size(), int64(64<<10))
	require.NoError(t, w.Flush())
	require.Zero(t, disk.left)
}

// TestFullDiskOfInterfaces says of an interface, too, that it can't be written.
func TestFullDiskOfInterfaces(t *testing.T) {
	w, err := pcapng.NewWriter(&fullDisk{})
	require.NoError(t, err)
	require.ErrorIs(t, w.Flush(), errFull)
	err = w.Write(decode(trace(udp(t, 53, nil), 100)), now) // on eth2, of which the file has nothing
	require.ErrorIs(t, err, errFull)
	require.ErrorContains(t, err, "interface")
	require.ErrorIs(t, w.Write(decode(drop(udp(t, 53, nil), 0)), now), errFull)
}

// TestInterfacesAreDescribed explains the name of the interface that is none.
func TestInterfacesAreDescribed(t *testing.T) {
	file := write(t, trace(udp(t, 53, nil), 100), drop(udp(t, 53, nil), 0))
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions)
	require.NoError(t, err)
	for range 2 {
		_, _, err = r.ReadPacketData()
		require.NoError(t, err)
	}
	unknown, err := r.Interface(0)
	require.NoError(t, err)
	require.Equal(t, pcapng.NoInterface, unknown.Name)
	require.Contains(t, unknown.Description, "do not say which interface")
	eth2, err := r.Interface(1)
	require.NoError(t, err)
	require.Equal(t, "eth2", eth2.Name)
	require.Empty(t, eth2.Description)
}
