// SPDX-License-Identifier: Apache-2.0

//go:build linux

package testutils

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// OnCPU runs f on the CPU of that number, such as an emission of [Generator] that is
// to go to that CPU's ring, and returns its error. What f starts in other
// goroutines runs anywhere.
func OnCPU(cpu int, f func() error) (err error) {
	var before, only unix.CPUSet
	runtime.LockOSThread()
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("get the thread's CPUs: %w", err)
	}
	defer func() {
		if restoreErr := unix.SchedSetaffinity(0, &before); restoreErr != nil {
			// Nobody else may get this thread: it stays locked and ends
			// with the goroutine.
			err = errors.Join(err, fmt.Errorf("restore the thread's CPUs: %w", restoreErr))
			return
		}
		runtime.UnlockOSThread()
	}()

	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("move to CPU %d: %w", cpu, err)
	}
	return f()
}
