// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/internal/testns"
)

// TestNamesUnwatched has no way to be told of changes: names are asked for each time, and are the same as long as nothing changes.
func TestNamesUnwatched(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
	ns := testns.New(t)
	n := &names{}
	dictionary := func() (d *session.Dictionary) {
		ns.Do(func() error { d = n.dictionary(); return nil })
		return d
	}
	before := dictionary()
	require.Equal(t, map[uint32]string{1: "lo"}, before.Interfaces)
	require.Same(t, before, dictionary())
	ns.ConnectAt("new0", 7, testns.New(t), "new1")
	require.Equal(t, "new0", dictionary().Interfaces[7])
	require.NoError(t, n.close())
}
