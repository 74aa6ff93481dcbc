// SPDX-License-Identifier: Apache-2.0

package perfring_test

import (
	"os"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/internal/wanted"
	"github.com/cilium/monitor/testutils"
)

// pinWanted pins the map beside an events map that says which types are wanted. get returns them.
func pinWanted(t *testing.T, path string) (m *ebpf.Map, get func() source.Types) {
	t.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: uint32(unsafe.Sizeof(wanted.Value{})), MaxEntries: 1})
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	_, err = bpf.PinMap(m, path+wanted.Suffix)
	require.NoError(t, err)
	return m, func() source.Types {
		var value wanted.Value
		require.NoError(t, m.Lookup(uint32(0), &value))
		return value.Types
	}
}

func setWanted(t *testing.T, src *perfring.Source, types source.Types) (selects bool) {
	t.Helper()
	selects, err := src.SetWanted(&source.Wanted{Types: types})
	require.NoError(t, err)
	return selects
}

// TestWanted tells the datapath what is wanted, if it has a map for that, and notices when somebody else does.
func TestWanted(t *testing.T) {
	path := testutils.EventsMapPath(t)
	d := pinned(t, path)
	require.False(t, setWanted(t, sourceOf(t, d.events, perfring.Options{Pages: 1}), source.Types{1}), "there is no path")
	src := newPinned(t, path, false)
	openSource(t, src)
	require.False(t, setWanted(t, src, source.Types{1}), "there is no map")

	m, get := pinWanted(t, path)
	require.False(t, setWanted(t, src, source.Types{1}), "there was none when it was opened")
	rings := openSource(t, src)
	require.True(t, setWanted(t, src, source.Types{2}))
	require.Equal(t, source.Types{2}, get())
	require.NoError(t, rings.Check())

	require.NoError(t, m.Put(uint32(0), wanted.Value{Version: wanted.Version}))
	err := rings.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorIs(t, err, wanted.ErrChanged)
	rings = openSource(t, src)
	require.True(t, setWanted(t, src, source.Types{3}))
	require.NoError(t, rings.Check())

	require.NoError(t, rings.Close())
	require.True(t, setWanted(t, src, source.Types{4}))
	require.Equal(t, source.Types{4}, get(), "nobody else reads the events map")
	require.NoError(t, os.Remove(path))
	require.True(t, setWanted(t, src, source.Types{5}))
	require.Equal(t, source.Types{5}, get(), "as far as can be known")
}

// TestWantedByOthers says nothing to the datapath where somebody else reads the events map.
func TestWantedByOthers(t *testing.T) {
	path := testutils.EventsMapPath(t)
	pinned(t, path)
	_, get := pinWanted(t, path)
	first, second := newPinned(t, path, true), newPinned(t, path, true)
	old := openSource(t, first)
	taken := openSource(t, second)
	require.True(t, setWanted(t, second, source.Types{2}))
	require.ErrorIs(t, old.Check(), perfring.ErrTaken)
	require.True(t, setWanted(t, first, source.Types{1}))
	require.Equal(t, source.Types{2}, get(), "it was told that the map is taken")

	require.NoError(t, taken.Close())
	reopened := openSource(t, first)
	require.NoError(t, reopened.Close())
	taken = openSource(t, second)
	require.True(t, setWanted(t, second, source.Types{2}))
	require.True(t, setWanted(t, first, source.Types{1}))
	require.Equal(t, source.Types{2}, get(), "it looks whether somebody else reads the map that it has left")
	require.NoError(t, taken.Check())
}

// TestNothingWantedLeft leaves nothing open of looking whether somebody else reads the events map, and closes the map with
// the source.
func TestNothingWantedLeft(t *testing.T) {
	path := testutils.EventsMapPath(t)
	pinned(t, path)
	pinWanted(t, path)
	before := openFiles(t)
	src := newPinned(t, path, false)
	require.NoError(t, openSource(t, src).Close())
	opened := openFiles(t)
	require.NotEqual(t, before, opened)
	require.True(t, setWanted(t, src, source.Types{1}))
	require.Equal(t, opened, openFiles(t))
	require.NoError(t, src.Close())
	require.Equal(t, before, openFiles(t))
}

// TestWrongWanted has another map where the wanted types ought to be: all events are read, and why nothing else can be is said.
func TestWrongWanted(t *testing.T) {
	path := testutils.EventsMapPath(t)
	d := pinned(t, path)
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	require.NoError(t, err)
	defer m.Close()
	_, err = bpf.PinMap(m, path+wanted.Suffix)
	require.NoError(t, err)
	src := newPinned(t, path, false)
	rings := openSource(t, src)
	require.ErrorIs(t, perfring.CheckFree(d.events), perfring.ErrTaken)
	_, err = src.SetWanted(&source.Wanted{})
	require.ErrorIs(t, err, source.ErrNotSelective)
	require.ErrorContains(t, err, path+wanted.Suffix+" is a map of type Array with keys of 4 bytes and values of 8")
	require.NoError(t, rings.Close())
	require.NoError(t, src.Close())
}
