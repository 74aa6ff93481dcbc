// SPDX-License-Identifier: Apache-2.0

// Package clock reads the clock of bpf_ktime_get_ns.
package clock

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Monotonic returns the time of CLOCK_MONOTONIC in nanoseconds.
func Monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("reading CLOCK_MONOTONIC: %v", err))
	}
	return ts.Nano()
}
