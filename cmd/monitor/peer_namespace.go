// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// errPeerUnknown is why a process cannot be looked at.
var errPeerUnknown = errors.New("the process that listens has ended, or is in another PID namespace")

// peerNamespace opens the network namespace of the process that listens where conn was
// connected to. That may be another one than the process that made the socket, or that accepts: nobody
// hands sockets of an agent on.
//
// The file descriptor of the process, which kernels before 6.5 do not give, stands for that process only, whereas
// its number could be another one's by the time it is looked at.
func peerNamespace(conn syscall.Conn) (*os.File, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var pidfd int
	var sockErr error
	if err := raw.Control(func(fd uintptr) {
		pidfd, sockErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	}); err != nil {
		return nil, err
	}
	switch {
	case errors.Is(sockErr, unix.ENOPROTOOPT):
		return nil, errors.New("the kernel is older than 6.5")
	case sockErr != nil:
		return nil, errPeerUnknown
	}
	defer unix.Close(pidfd)
	pid, err := pidOf(pidfd)
	if err != nil {
		return nil, err
	}
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	if _, err := pidOf(pidfd); err != nil { // so pid was this process's when the file was opened
		namespace.Close()
		return nil, err
	}
	return namespace, nil
}

// pidOf returns the number that a process has in /proc while it runs.
func pidOf(pidfd int) (int, error) {
	info, err := os.Open(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd))
	if err != nil {
		return 0, err
	}
	defer info.Close()
	for lines := bufio.NewScanner(info); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "Pid:"); ok {
			if pid, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && pid > 0 {
				return pid, nil
			}
		}
	}
	return 0, errPeerUnknown
}
