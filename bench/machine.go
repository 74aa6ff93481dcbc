// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine describes where the figures are from.
func machine() string {
	var u unix.Utsname
	kernel := "unknown"
	if err := unix.Uname(&u); err == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	model, virtual := "unknown CPU", ""
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			name, value, _ := strings.Cut(sc.Text(), ":")
			switch strings.TrimSpace(name) {
			case "model name":
				model = strings.TrimSpace(value)
			case "flags":
				if strings.Contains(value, " hypervisor") {
					virtual = " in a virtual machine"
				}
			}
		}
	}
	return fmt.Sprintf("%d x %s%s, Linux %s, %s", runtime.NumCPU(), model, virtual, kernel, runtime.Version())
}
