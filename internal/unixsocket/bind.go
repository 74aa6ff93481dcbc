// SPDX-License-Identifier: Apache-2.0

package unixsocket

import (
	"io/fs"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// bindMu keeps a process from mixing up its umasks where threads can't have their own.
var bindMu sync.Mutex

// bind makes the file of a socket, which has the mode from its beginning on.
func bind(fd int, path string, mode fs.FileMode) error {
	bindMu.Lock()
	defer bindMu.Unlock()
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, so that the thread ends with the goroutine
		// The umask is that of the process, unless a thread leaves it. If a container does not
		// allow that, then files that other threads make meanwhile get fewer permissions.
		_ = unix.Unshare(unix.CLONE_FS)
		old := unix.Umask(int(fs.ModePerm &^ mode))
		err := unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		unix.Umask(old)
		result <- err
	}()
	return <-result
}
