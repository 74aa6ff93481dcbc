// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// precise has the sleeps of the calling goroutine end when they should, until restore is called. The kernel
// lets each sleep be late by the timer slack of its thread, 50 us by default, in case that another timer ends
// then. So the goroutine keeps its thread.
func precise() (restore func()) {
	runtime.LockOSThread()
	before, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err == nil {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // it can't fail
	}
	return func() {
		if err == nil {
			_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(before), 0, 0, 0)
		}
		runtime.UnlockOSThread()
	}
}
