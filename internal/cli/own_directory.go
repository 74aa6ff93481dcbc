// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ownDirectoryPrefix begins the names of directories for the sockets of agents of one command.
const ownDirectoryPrefix = "monitor-drops-"

// ownDirectory is a directory for temporary files that this process has locked. The kernel unlocks it when the process dies, so
// that another one can tell that nobody will remove it.
type ownDirectory struct {
	path string
	fd   int
}

// makeOwnDirectory makes one that nobody else may look into, and removes those of this user whose processes were killed.
func makeOwnDirectory() (*ownDirectory, error) {
	removeAbandonedDirectories()
	for {
		path, err := os.MkdirTemp("", ownDirectoryPrefix)
		if err != nil {
			return nil, err
		}
		d, err := lockDirectory(path)
		switch {
		case err == nil:
			return d, nil
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.EWOULDBLOCK):
			// Another process took it for abandoned before it was locked, and removes it.
		default:
			return nil, errors.Join(err, os.RemoveAll(path))
		}
	}
}

// remove removes the directory with all that is in it.
func (d *ownDirectory) remove() error {
	return errors.Join(os.RemoveAll(d.path), unix.Close(d.fd))
}

// lockDirectory does not wait: unix.EWOULDBLOCK means that another process has locked it.
func lockDirectory(path string) (*ownDirectory, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	d := &ownDirectory{path: path, fd: fd}
	err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	var opened, there unix.Stat_t
	if err == nil {
		err = unix.Fstat(fd, &opened)
	}
	if err == nil {
		err = unix.Lstat(path, &there)
	}
	if err == nil && (opened.Dev != there.Dev || opened.Ino != there.Ino) {
		err = fs.ErrNotExist
	}
	if err == nil && opened.Uid != uint32(os.Geteuid()) {
		err = fs.ErrPermission
	}
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, unix.Close(fd))
	}
	return d, nil
}

// removeAbandonedDirectories removes what a process could not remove that was killed. Those that can't be removed stay: the
// command works with them, too.
func removeAbandonedDirectories() {
	entries, err := filepath.Glob(filepath.Join(os.TempDir(), ownDirectoryPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range entries {
		if d, err := lockDirectory(path); err == nil {
			_ = d.remove()
		}
	}
}
