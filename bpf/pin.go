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

// errNotListed is returned when the kernel does not let this process see all programs.
var errNotListed = errors.New("see whether a BPF program uses a pinned map, which takes CAP_SYS_ADMIN")

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
// otherwise the error wraps [ErrPinInUse]. To find out takes CAP_SYS_ADMIN: without it
// the error is the kernel's, and wraps os.ErrPermission.
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

	if err := checkName(path); err != nil {
		return nil, err
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

// CheckPin tells, and changes nothing, whether [Load] could pin its maps at path and beside it:
// the error wraps [ErrNoBPFFS] if it would mount bpffs first, and [ErrPinInUse] if a
// program uses the map that is there. It does not try whether the directory is writable.
func CheckPin(path string) error {
	if err := checkName(path); err != nil {
		return err
	}
	if err := checkBPFFS(path); err != nil {
		return err
	}
	spec, err := loadHost()
	if err != nil {
		return err
	}
	stale, err := findStaleMaps(pinnedMaps(spec, path, false))
	return errors.Join(err, closeAll(stale))
}

func checkName(path string) error {
	if strings.Contains(filepath.Base(path), ".") {
		return fmt.Errorf("pin map at %s: a name on a bpffs has no dots", path)
	}
	return nil
}

// findStaleMap opens the map that is pinned at path if it is to be taken over: if it is an
// embedded datapath's, and the kernel does not let us find out whether somebody uses it. It
// returns nil if [PinMap] can make room for another map, and the error wraps
// [ErrPinInUse] if it can't.
func findStaleMap(spec *ebpf.MapSpec, path string) (*ebpf.Map, error) {
	unlock, err := lockBPFFS()
	if err != nil {
		return nil, err
	}
	defer unlock()

	err = checkStalePin(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if !errors.Is(err, errNotListed) {
		return nil, err
	}
	m, err := ebpf.LoadPinnedMap(path, nil)
	if err != nil {
		return nil, fmt.Errorf("open the map pinned at %s: %w", path, err)
	}
	if err := ours(spec, m); err != nil {
		m.Close()
		return nil, fmt.Errorf("take over the map pinned at %s: %w", path, err)
	}
	return m, nil
}

// ours returns an error if a map is not one that an embedded datapath made.
func ours(spec *ebpf.MapSpec, m *ebpf.Map) error {
	info, err := m.Info()
	if err != nil {
		return err
	}
	if info.Name != spec.Name {
		return fmt.Errorf("%w for all that can be told without CAP_SYS_ADMIN: it is %q, not a map that a datapath of this kind left behind; choose another path", ErrPinInUse, info.Name)
	}
	return spec.Compatible(m)
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
	err := checkStalePin(path)
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// checkStalePin returns nil if a map is pinned at path that no program uses.
func checkStalePin(path string) error {
	id, err := pinnedMapID(path)
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
	return nil
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

// programUsing returns a loaded program that refers to the map, or 0. Those that a killed
// datapath left attached do not count.
func programUsing(id ebpf.MapID) (ebpf.ProgramID, error) {
	var prog ebpf.ProgramID
	var leftovers map[ebpf.ProgramID]bool // nil before they are needed
	for {
		next, err := ebpf.ProgramGetNextID(prog)
		if errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		if errors.Is(err, os.ErrPermission) {
			return 0, fmt.Errorf("%w: %w", errNotListed, err)
		}
		if err != nil {
			return 0, fmt.Errorf("list BPF programs: %w", err)
		}
		prog = next

		uses, err := usesMap(prog, id)
		if err != nil {
			return 0, err
		}
		if !uses {
			continue
		}
		if leftovers == nil {
			if leftovers, err = leftoverPrograms(); err != nil {
				return 0, err
			}
		}
		if !leftovers[prog] {
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
