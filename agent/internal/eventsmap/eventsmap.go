// SPDX-License-Identifier: Apache-2.0

// Package eventsmap has what readers of events maps of each type share.
package eventsmap

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent/source"
)

// ErrTaken is wrapped by errors of readers of an events map that somebody else reads: events go to
// one reader only.
var ErrTaken = errors.New("somebody else reads the events map")

// ID returns the kernel's id of a map.
func ID(m *ebpf.Map) (ebpf.MapID, error) {
	info, err := m.Info()
	if err != nil {
		return 0, fmt.Errorf("get the id of an events map: %w", err)
	}
	id, _ := info.ID()
	return id, nil
}

// CheckPath returns an error that wraps [source.ErrStale] if another map than that of the id is pinned at a path.
func CheckPath(path string, id ebpf.MapID) error {
	pinned, err := ebpf.LoadPinnedMap(path, nil)
	if err != nil {
		return fmt.Errorf("open events map %s: %w", path, err)
	}
	defer pinned.Close()
	there, err := ID(pinned)
	if err != nil {
		return err
	}
	if there != id {
		return fmt.Errorf("%w: another events map is pinned at %s", source.ErrStale, path)
	}
	return nil
}
