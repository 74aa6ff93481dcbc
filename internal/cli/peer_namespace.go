// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// errPeerUnknown is why a process cannot be looked at.
var errPeerUnknown = errors.New("the process that listens has ended, or is in another PID namespace")

// namespaces are those of a process that matter here.
type namespaces struct{ net, uts *os.File }

func (n *namespaces) close() {
	n.net.Close()
	n.uts.Close()
}

// peerNamespaces opens the namespaces of the process that listens where conn was
// connected to. That may be another one than the process that made the socket, or that accepts: nobody
// hands sockets of an agent on.
//
// The file descriptor of the process, which kernels before 6.5 do not give, stands for that process only, whereas
// its number could be another one's by the time it is looked at.
func peerNamespaces(conn syscall.Conn) (*namespaces, error) {
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
	network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	uts, err := os.Open(fmt.Sprintf("/proc/%d/ns/uts", pid))
	if err != nil {
		network.Close()
		return nil, err
	}
	peer := &namespaces{net: network, uts: uts}
	if _, err := pidOf(pidfd); err != nil { // so pid was this process's when the files were opened
		peer.close()
		return nil, err
	}
	return peer, nil
}

// isOurs reports whether this process is in a namespace, which is called as in /proc.
func isOurs(namespace *os.File, name string) bool {
	theirs, err := namespace.Stat()
	if err != nil {
		return false
	}
	ours, err := os.Stat("/proc/self/ns/" + name)
	return err == nil && os.SameFile(ours, theirs)
}

// inNamespace calls fn in a namespace of the kind that a flag of setns stands for.
func inNamespace(namespace *os.File, kind int, fn func() error) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock it: the thread ends with the goroutine
		if err = unix.Setns(int(namespace.Fd()), kind); err != nil {
			err = os.NewSyscallError("setns", err)
			return
		}
		err = fn()
	}()
	<-done
	return err
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
