// SPDX-License-Identifier: Apache-2.0

package agent

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

// socket is a listening unix socket.
type socket struct {
	fd   int
	path string
	file fs.FileInfo // what is at path
}

// listen makes a unix stream socket at path, with the group and mode that clients of
// the monitor rely on, and listens on it.
func listen(path string) (_ *socket, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("create socket: %w", err)
	}
	s := &socket{fd: fd, path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	if s.file, err = os.Lstat(path); err != nil {
		return nil, err
	}
	// Nobody can connect before it listens, so these come in time.
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, err
	}
	if err := chgrp(path, SocketGroup); err != nil {
		return nil, err
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return s, nil
}

// CheckSocket returns an error if a process listens at path, if that can't be seen, or if what is
// there is no socket, and nil if nothing is there or a process has left its socket behind. Who
// listens does not notice.
func CheckSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("it is not a socket")
	}
	// Not the type of socket that a server listens on, so that it gets no connection.
	conn, err := net.Dial("unixgram", path)
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, unix.EPROTOTYPE):
		return errors.New("another process serves it")
	case err != nil:
		return fmt.Errorf("see whether another process serves it: %w", err)
	}
	conn.Close()
	return errors.New("another process receives datagrams there")
}

// removeStale removes a socket that nobody serves any more.
func removeStale(path string) error {
	if err := CheckSocket(path); err != nil {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// chgrp gives path to a group, if the group exists.
func chgrp(path, group string) error {
	g, err := user.LookupGroup(group)
	if err != nil {
		return nil // most machines have no such group
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return fmt.Errorf("group %s has id %q: %w", group, g.Gid, err)
	}
	return os.Chown(path, -1, gid)
}

// close closes the socket, and removes it unless another one has taken its place.
func (s *socket) close() error {
	var errs []error
	if s.file != nil {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
			errs = append(errs, os.Remove(s.path))
		}
	}
	errs = append(errs, unix.Close(s.fd))
	return errors.Join(errs...)
}
