// SPDX-License-Identifier: Apache-2.0

package wanted_test

import (
	"os"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/wanted"
)

// TestSetFails has a map that can't be written to any more: who sets it is told, and Check does not look for what it could not have.
func TestSetFails(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes BPF maps")
	}
	for name, wants := range map[string]*source.Wanted{
		"types":   {Types: source.Types{3}},
		"packets": {Types: source.Types{3}, Refined: source.Types{2}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: valueSize, MaxEntries: 1})
			require.NoError(t, err)
			w := wanted.Of(m)
			defer w.Close()
			require.NoError(t, w.Reopen())
			first := source.Wanted{Types: source.Types{1}}
			require.NoError(t, w.Set(&first))
			require.NoError(t, w.Check())
			require.NoError(t, m.Freeze())
			require.Error(t, w.Set(wants))
			require.NoError(t, w.Check())
		})
	}
}

const valueSize = uint32(unsafe.Sizeof(wanted.Value{}))
