// SPDX-License-Identifier: Apache-2.0

// Package pinned tells which maps are pinned beside an events map: a datapath may put others there at any time.
package pinned

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
)

// ID returns the kernel's id of the map that is pinned at a path, 0 if there is none.
func ID(path string) (ebpf.MapID, error) {
	m, id, err := Load(path)
	if m == nil {
		return 0, err
	}
	return id, m.Close()
}

// Load opens the map that is pinned at a path, and returns its id, too; nil and 0 if there is none.
func Load(path string) (*ebpf.Map, ebpf.MapID, error) {
	m, err := ebpf.LoadPinnedMap(path, nil)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", path, err)
	}
	info, err := m.Info()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("get the id of %s: %w", path, err), m.Close())
	}
	id, _ := info.ID()
	return m, id, nil
}
