// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// readable waits so long until something can be read from conn, if only its end, and reports whether it can.
func readable(conn syscall.Conn, timeout time.Duration) (is bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		is = poll(fds, int((timeout+time.Millisecond-1).Milliseconds())) == nil && fds[0].Revents != 0
	})
	return is && err == nil
}
