// SPDX-License-Identifier: Apache-2.0

package unixsocket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Check returns an error if a process listens at path, if that can't be seen, if what is there
// is no socket, or if there can't be a socket of that name. It returns nil if nothing is there
// or a process has left its socket behind. Who listens does not notice.
func Check(path string) error {
	if err := checkPath(path); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if kind := info.Mode().Type(); kind != fs.ModeSocket {
		return fmt.Errorf("it is not a socket but a %s", kindText(kind))
	}
	// Not the type of socket that a server listens on, so that it gets no connection.
	conn, err := net.Dial("unixgram", path)
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, unix.EPROTOTYPE):
		return errServed
	case err != nil:
		return fmt.Errorf("see whether another process serves it: %w", err)
	}
	conn.Close()
	return errors.New("another process receives datagrams there")
}

var errServed = errors.New("another process serves it")

// MaxPath is the length of the longest path of a socket, without the 0 at its end.
const MaxPath = len(unix.RawSockaddrUnix{}.Path) - 1

// checkPath returns an error if a socket can't be in the file system by that name.
func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("the path of the socket is empty")
	case strings.HasPrefix(path, "@"):
		return errors.New("it is the name of an abstract socket, to which any user may connect")
	case strings.ContainsRune(path, 0):
		return errors.New("the path of the socket has a 0 in it")
	case len(path) > MaxPath:
		return fmt.Errorf("the path of the socket has %d bytes, and may have %d", len(path), MaxPath)
	}
	return nil
}

func kindText(kind fs.FileMode) string {
	switch kind {
	case 0:
		return "file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "symbolic link"
	case fs.ModeNamedPipe:
		return "named pipe"
	default:
		return "device"
	}
}

// removeStale removes a socket that nobody serves any more.
func removeStale(path string) error {
	if err := Check(path); err != nil {
		return err
	}
	return unlink(path)
}
