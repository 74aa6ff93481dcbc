// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
)

// ErrPinInUse is returned when another program uses the map that is already pinned
// at the path that was asked for.
var ErrPinInUse = errors.New("the map pinned there is in use")

// MapPin is a map that [PinMap] pinned.
type MapPin struct {
	path    string
	id      ebpf.MapID
	dirs    []string // that were made for it, outermost first
	mounted bool     // bpffs was mounted for it
}

// PinMap pins m at path. Missing directories are made, and bpffs is mounted at
// /sys/fs/bpf if path lies under it and nothing is mounted yet. A pin that is
// there already is replaced if no program uses its map, as after a crash;
// otherwise the error wraps [ErrPinInUse].
//
// It may be called concurrently, from several processes as well.
func PinMap(m *ebpf.Map, path string) (*MapPin, error) {
	info, err := m.Info()
	if err != nil {
		return nil, fmt.Errorf("get the id of the map to pin at %s: %w", path, err)
	}
	id, ok := info.ID()
	if !ok {
		return nil, fmt.Errorf("pin at %s: the kernel gives no map ids", path)
	}

	if strings.Contains(filepath.Base(path), ".") {
		return nil, fmt.Errorf("pin map at %s: a name on a bpffs has no dots", path)
	}

	unlock, err := lockBPFFS()
	if err != nil {
		return nil, err
	}
	defer unlock()

	p := &MapPin{path: path, id: id}
	if err := p.create(m); err != nil {
		return nil, errors.Join(err, p.removeMade())
	}
	return p, nil
}

// Remove removes the pin, unless another map has been pinned in its place, and what
// [PinMap] made for it: directories that are empty and, if nothing else is on it,
// the mount.
func (p *MapPin) Remove() error {
	unlock, err := lockBPFFS()
	if err != nil {
		return err
	}
	defer unlock()

	id, err := pinnedMapID(p.path)
	if err == nil && id == p.id {
		err = os.Remove(p.path)
	}
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, p.removeMade())
}

func (p *MapPin) create(m *ebpf.Map) (err error) {
	p.mounted, err = mountBPFFS(p.path)
	if err != nil {
		return err
	}
	if err := p.makeDirs(); err != nil {
		return err
	}
	if err := removeStalePin(p.path); err != nil {
		return err
	}
	// Pin keeps the path with the map, and would not pin it there again.
	clone, err := m.Clone()
	if err != nil {
		return fmt.Errorf("pin map at %s: %w", p.path, err)
	}
	defer clone.Close()
	if err := clone.Pin(p.path); err != nil {
		return fmt.Errorf("pin map at %s: %w", p.path, err)
	}
	return nil
}

func (p *MapPin) makeDirs() error {
	var missing []string
	for dir := filepath.Dir(p.path); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		missing = append(missing, dir)
	}
	for _, dir := range slices.Backward(missing) {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		p.dirs = append(p.dirs, dir)
	}
	return nil
}

// removeMade removes the directories, as far as they are empty, and the mount.
func (p *MapPin) removeMade() error {
	for _, dir := range slices.Backward(p.dirs) {
		err := os.Remove(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
	}
	if !p.mounted {
		return nil
	}
	return unmountBPFFS()
}

// removeStalePin makes room at path, unless a program uses the map that is there.
func removeStalePin(path string) error {
	id, err := pinnedMapID(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	user, err := programUsing(id)
	if err != nil {
		return err
	}
	if user != 0 {
		return fmt.Errorf("pin map at %s: %w by BPF program %d: stop the datapath that it belongs to, or choose another path", path, ErrPinInUse, user)
	}
	return os.Remove(path)
}

func pinnedMapID(path string) (ebpf.MapID, error) {
	m, err := ebpf.LoadPinnedMap(path, nil)
	if err != nil {
		return 0, fmt.Errorf("open the map pinned at %s: %w", path, err)
	}
	defer m.Close()
	info, err := m.Info()
	if err != nil {
		return 0, fmt.Errorf("get the id of the map pinned at %s: %w", path, err)
	}
	id, _ := info.ID()
	return id, nil
}

// programUsing returns a loaded program that refers to the map, or 0.
func programUsing(id ebpf.MapID) (ebpf.ProgramID, error) {
	var prog ebpf.ProgramID
	for {
		next, err := ebpf.ProgramGetNextID(prog)
		if errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		if err != nil {
			return 0, fmt.Errorf("list BPF programs: %w", err)
		}
		prog = next

		uses, err := usesMap(prog, id)
		if err != nil {
			return 0, err
		}
		if uses {
			return prog, nil
		}
	}
}

func usesMap(prog ebpf.ProgramID, id ebpf.MapID) (bool, error) {
	p, err := ebpf.NewProgramFromID(prog)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // unloaded since it was listed
	}
	if err != nil {
		return false, fmt.Errorf("open BPF program %d: %w", prog, err)
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return false, fmt.Errorf("read BPF program %d: %w", prog, err)
	}
	maps, _ := info.MapIDs()
	return slices.Contains(maps, id), nil
}
