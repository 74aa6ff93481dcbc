// SPDX-License-Identifier: Apache-2.0

package suppressed_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/suppressed"
	"github.com/cilium/monitor/testutils"
)

// pin pins a map beside the events map at path, in the place of one that is there.
func pin(t *testing.T, path string, spec ebpf.MapSpec) *ebpf.Map {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	t.Cleanup(func() { _ = os.Remove(filepath.Dir(path)) }) // once it is empty
	_ = os.Remove(path + suppressed.Suffix)                 // it need not be there
	m, err := ebpf.NewMap(&spec)
	require.NoError(t, err)
	require.NoError(t, m.Pin(path+suppressed.Suffix))
	t.Cleanup(func() {
		_ = m.Unpin()
		m.Close()
	})
	return m
}

var counterSpec = ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 16, MaxEntries: 6}

// count has all CPUs have counted so much.
func count(t *testing.T, m *ebpf.Map, typ uint32, n suppressed.Count) {
	t.Helper()
	cpus := make([]suppressed.Count, ebpf.MustPossibleCPU())
	for i := range cpus {
		cpus[i] = n
	}
	require.NoError(t, m.Put(typ, cpus))
}

func take(t *testing.T, c *suppressed.Counter) []source.Suppressed {
	t.Helper()
	all, err := c.Take()
	require.NoError(t, err)
	return all
}

// TestCounter takes what is counted, each time what has come on top.
func TestCounter(t *testing.T) {
	requireRoot(t)
	path := testutils.EventsMapPath(t)
	c := suppressed.New(path)
	require.NoError(t, c.Reopen())
	require.Empty(t, take(t, c), "there is no map")

	m := pin(t, path, counterSpec)
	cpus := uint64(ebpf.MustPossibleCPU())
	count(t, m, 4, suppressed.Count{RateLimited: 1000, Aggregated: 1000})
	require.NoError(t, c.Reopen())
	require.Empty(t, take(t, c), "that was before")
	count(t, m, 4, suppressed.Count{RateLimited: 1003, Aggregated: 1001})
	count(t, m, 1, suppressed.Count{RateLimited: 5})
	want := []source.Suppressed{{Type: 1, RateLimited: 5 * cpus}, {Type: 4, RateLimited: 3 * cpus, Aggregated: cpus}}
	require.Equal(t, want, take(t, c))
	require.Empty(t, take(t, c))
	count(t, m, 1, suppressed.Count{})
	require.Empty(t, take(t, c), "somebody set it back")
	count(t, m, 1, suppressed.Count{RateLimited: 2})
	require.NoError(t, c.Reopen(), "it is the same")
	require.Equal(t, []source.Suppressed{{Type: 1, RateLimited: 2 * cpus}}, take(t, c))

	count(t, m, 1, suppressed.Count{RateLimited: 3})
	other := pin(t, path, counterSpec)
	count(t, other, 5, suppressed.Count{Aggregated: 9})
	require.NoError(t, c.Reopen())
	require.Equal(t, []source.Suppressed{{Type: 1, RateLimited: cpus}}, take(t, c), "that was the other map's, and the rest before")
	require.Empty(t, take(t, c))
	count(t, other, 5, suppressed.Count{Aggregated: 10})
	require.Equal(t, []source.Suppressed{{Type: 5, Aggregated: cpus}}, take(t, c))
	require.NoError(t, other.Unpin())
	count(t, other, 5, suppressed.Count{Aggregated: 12})
	require.NoError(t, c.Reopen())
	require.NoError(t, c.Reopen())
	require.Equal(t, []source.Suppressed{{Type: 5, Aggregated: 2 * cpus}}, take(t, c), "there is no map any more")
	require.Empty(t, take(t, c))
	require.NoError(t, c.Close())
}

// TestCounterOfOthers refuses maps that are something else.
func TestCounterOfOthers(t *testing.T) {
	requireRoot(t)
	path := testutils.EventsMapPath(t)
	for _, spec := range []ebpf.MapSpec{
		{Type: ebpf.Array, KeySize: 4, ValueSize: 16, MaxEntries: 6},
		{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 6},
		{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 16, MaxEntries: 257},
	} {
		pin(t, path, spec)
		err := suppressed.New(path).Reopen()
		require.ErrorContains(t, err, path+suppressed.Suffix)
		require.ErrorContains(t, err, "not a PerCPUArray")
	}
}
