// SPDX-License-Identifier: Apache-2.0

package unixsocket

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// lock is a file that one process at a time has locked. The kernel unlocks it when that process
// dies.
type lock struct {
	fd   int
	path string
	file unix.Stat_t
}

// acquire makes and locks the file at path. It does not wait: errServed means that another
// process has locked it.
func acquire(path string) (*lock, error) {
	for {
		l, err := tryLock(path)
		if err != nil {
			return nil, err
		}
		// Who had it before has removed the file, perhaps after it was opened here.
		if isAt(path, &l.file) {
			return l, nil
		}
		if err := unix.Close(l.fd); err != nil {
			return nil, err
		}
	}
}

func tryLock(path string) (_ *lock, err error) {
	// What a stranger put there is neither followed nor waited for.
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	l := &lock{path: path}
	if l.fd, err = unix.Open(path, flags, 0o600); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() {
		if err != nil {
			unix.Close(l.fd)
		}
	}()
	if err := unix.Fstat(l.fd, &l.file); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if l.file.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &fs.PathError{Op: "lock", Path: path, Err: errors.New("it is not a file")}
	}
	switch err := unix.Flock(l.fd, unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, errServed
	case err != nil:
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	return l, nil
}

// release removes the file and unlocks it.
func (l *lock) release() error {
	var errs []error
	if isAt(l.path, &l.file) {
		errs = append(errs, unlink(l.path))
	}
	// Closing is not enough while a process that is being started has a copy of the descriptor.
	return errors.Join(append(errs, unix.Flock(l.fd, unix.LOCK_UN), unix.Close(l.fd))...)
}
