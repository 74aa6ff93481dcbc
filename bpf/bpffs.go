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

	"golang.org/x/sys/unix"
)

// ErrNoBPFFS is returned by [CheckPin] when bpffs would have to be mounted first, which
// takes CAP_SYS_ADMIN.
var ErrNoBPFFS = errors.New("no bpffs is mounted at " + bpffsRoot)

// bpffsRoot is where bpffs is mounted by custom.
const bpffsRoot = "/sys/fs/bpf"

// preloaded are the files that a kernel with CONFIG_BPF_PRELOAD puts on every bpffs
// (kernel/bpf/preload/bpf_preload_kern.c).
var preloaded = []string{"maps.debug", "progs.debug"}

// lockBPFFS keeps other processes that use this package from mounting,
// unmounting, pinning and unpinning until unlock is called. The lock is on the
// directory that holds the mount point, which no mount hides.
func lockBPFFS() (unlock func(), err error) {
	dir := filepath.Dir(bpffsRoot)
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w (is sysfs mounted?)", dir, err)
	}
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Flock(fd, unix.LOCK_EX)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { unix.Close(fd) }, nil
}

// mountBPFFS sees to it that path lies on a bpffs. Where nothing is mounted
// under the customary root yet, it mounts one there and returns true.
func mountBPFFS(path string) (mounted bool, err error) {
	if err := checkBPFFS(path); !errors.Is(err, ErrNoBPFFS) {
		return false, err
	}
	err = unix.Mount("bpf", bpffsRoot, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700")
	if err != nil {
		return false, fmt.Errorf("mount bpffs at %s: %w", bpffsRoot, err)
	}
	return true, nil
}

// checkBPFFS returns nil if path lies on a bpffs, and [ErrNoBPFFS] if it will once one
// is mounted at the customary root.
func checkBPFFS(path string) error {
	onBPFFS, err := isBPFFS(path)
	switch {
	case err != nil || onBPFFS:
		return err
	case !strings.HasPrefix(filepath.Clean(path), bpffsRoot+"/"):
		return fmt.Errorf("%s is not on a bpffs: choose a path under %s, or mount one with: mount -t bpf bpf DIR", path, bpffsRoot)
	default:
		return ErrNoBPFFS
	}
}

// isBPFFS says whether path, or the nearest parent that exists, is on a bpffs.
func isBPFFS(path string) (bool, error) {
	for {
		var stat unix.Statfs_t
		err := unix.Statfs(path, &stat)
		if err == nil {
			return stat.Type == unix.BPF_FS_MAGIC, nil
		}
		parent := filepath.Dir(path)
		if !errors.Is(err, os.ErrNotExist) || parent == path {
			return false, fmt.Errorf("statfs %s: %w", path, err)
		}
		path = parent
	}
}

// unmountBPFFS unmounts what mountBPFFS mounted, unless somebody uses it.
func unmountBPFFS() error {
	entries, err := os.ReadDir(bpffsRoot)
	if err != nil {
		return fmt.Errorf("list %s: %w", bpffsRoot, err)
	}
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !slices.Contains(preloaded, e.Name()) }) {
		return nil
	}
	err = unix.Unmount(bpffsRoot, unix.UMOUNT_NOFOLLOW)
	if err != nil && !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("unmount %s: %w", bpffsRoot, err)
	}
	return nil
}
