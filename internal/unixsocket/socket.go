// SPDX-License-Identifier: Apache-2.0

// Package unixsocket makes the unix sockets that an agent listens on. Of several processes that
// want the same path, one gets it; nothing that is not a socket is ever removed; and nobody
// can connect who is not allowed to, at no time.
package unixsocket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Options are who may connect to a socket.
type Options struct {
	// Mode has the permission bits. To connect takes the permission to write.
	Mode fs.FileMode

	// Group is the name of the group that the socket is given to, if there is one of that name.
	Group string
}

// Socket is a stream socket that listens. It is not safe for concurrent use.
type Socket struct {
	fd   int
	path string
	lock *lock
	file *unix.Stat_t // what was made at path; nil before
}

// Listen listens at path. It makes the directory if necessary, and replaces a socket that a
// process left behind. It is an error if another process serves the path, if something that is
// not a socket is there, or if it is the name of an abstract socket.
//
// As long as the socket is open, a lock file is beside it: its path and ".lock".
func Listen(path string, opts Options) (_ *Socket, err error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	gid, err := groupID(opts.Group)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	s := &Socket{fd: -1, path: path}
	if s.lock, err = acquire(path + ".lock"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := removeStale(path); err != nil {
		return nil, err
	}
	s.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("create socket: %w", err)
	}
	if err := bind(s.fd, path, opts.Mode); err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	// Nobody can connect before it listens, so the group comes in time.
	if err := s.identify(gid); err != nil {
		return nil, err
	}
	if err := unix.Listen(s.fd, unix.SOMAXCONN); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return s, nil
}

// FD returns the descriptor, which does not block. It belongs to the socket.
func (s *Socket) FD() int { return s.fd }

// Listener returns a listener on the socket. Both have to be closed.
func (s *Socket) Listener() (*net.UnixListener, error) {
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), s.path)
	defer f.Close()
	listener, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return listener.(*net.UnixListener), nil
}

// InPlace tells whether the socket is still what is at its path, so that clients can find it.
func (s *Socket) InPlace() bool { return isAt(s.path, s.file) }

// Close closes the socket, and removes it unless another one has taken its place.
func (s *Socket) Close() error {
	var errs []error
	if s.file != nil && isAt(s.path, s.file) {
		errs = append(errs, unlink(s.path))
	}
	if s.fd >= 0 {
		errs = append(errs, unix.Close(s.fd))
	}
	return errors.Join(append(errs, s.lock.release())...)
}

// identify takes down which file the socket is, and gives it to a group unless that is -1. It
// follows no symbolic link that somebody may have put there.
func (s *Socket) identify(gid int) error {
	fd, err := unix.Open(s.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: s.path, Err: err}
	}
	defer unix.Close(fd)
	var file unix.Stat_t
	if err := unix.Fstat(fd, &file); err != nil {
		return &fs.PathError{Op: "stat", Path: s.path, Err: err}
	}
	if file.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return errors.New("something else took its place")
	}
	s.file = &file
	if gid < 0 {
		return nil
	}
	if err := unix.Fchownat(fd, "", -1, gid, unix.AT_EMPTY_PATH); err != nil {
		return &fs.PathError{Op: "chgrp", Path: s.path, Err: err}
	}
	return nil
}

// groupID returns the id of a group, -1 if there is none of that name, as on most machines.
func groupID(name string) (int, error) {
	group, err := user.LookupGroup(name)
	if err != nil {
		return -1, nil
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return 0, fmt.Errorf("group %s has id %q: %w", name, group.Gid, err)
	}
	return gid, nil
}

// isAt tells whether it is this file that is at path.
func isAt(path string, file *unix.Stat_t) bool {
	var now unix.Stat_t
	err := unix.Lstat(path, &now)
	return err == nil && now.Dev == file.Dev && now.Ino == file.Ino
}

// unlink removes a file if it is there. As opposed to os.Remove it never removes a directory.
func unlink(path string) error {
	if err := unix.Unlink(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "unlink", Path: path, Err: err}
	}
	return nil
}
