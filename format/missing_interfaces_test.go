// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestMissingInterfaces asks which interfaces of a filter there are not.
func TestMissingInterfaces(t *testing.T) {
	interfaces := []format.Interface{{Index: 1, Name: "lo"}, {Index: 2, Name: "eth0", AltNames: []string{"wan", "uplink"}}}
	for filter, want := range map[string][]string{
		"":                              nil,
		"--type drop":                   nil,
		"--interface lo,eth0":           nil,
		"--interface wan --interface 2": nil,
		"--interface uplink,1":          nil,
		"--interface eth1":              {"eth1"},
		"--interface 3,lo,eth1":         {"3", "eth1"},
		"--interface lo --not --interface eth1,wan": {"eth1"},
		"--interface 0": {"0"},
	} {
		f, err := format.ParseFilter(strings.Fields(filter))
		require.NoError(t, err)
		require.Equal(t, want, f.MissingInterfaces(interfaces), filter)
	}
	f, err := format.ParseFilter([]string{"--interface", "lo"})
	require.NoError(t, err)
	require.Equal(t, []string{"lo"}, f.MissingInterfaces(nil))
}

// TestInterfaceNameLengths takes names as long as Linux has them.
func TestInterfaceNameLengths(t *testing.T) {
	for n, ok := range map[int]bool{0: false, 1: true, 127: true, 128: false} {
		_, err := format.ParseFilter([]string{"--interface=" + strings.Repeat("a", n)})
		require.Equal(t, ok, err == nil, n)
	}
}
