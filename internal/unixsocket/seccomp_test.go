// SPDX-License-Identifier: Apache-2.0

package unixsocket_test

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refuseUnshare makes unshare fail in this process, as the profiles of containers do.
func refuseUnshare() error {
	const loadSyscall, ifEqual, result = 0x20, 0x15, 0x06 // BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
	filter := []unix.SockFilter{
		{Code: loadSyscall},
		{Code: ifEqual, K: unix.SYS_UNSHARE, Jf: 1},
		{Code: result, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: result, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}
