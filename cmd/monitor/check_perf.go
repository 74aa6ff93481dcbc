// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// perfRequirements opens and maps a perf ring buffer for each CPU, as the agent does, and closes
// them again.
func perfRequirements(caps capabilitySet, pages int) []requirement {
	const events, losses, buffers = "perf events", "counted losses", "perf ring buffers"

	fds, counted, err := openPerfEvents()
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	opened := kernelRequirement(caps, events, "Linux 4.4 with CONFIG_PERF_EVENTS", err, capPerfmon)
	if err != nil {
		return []requirement{opened, {name: buffers, state: stateUnknown, detail: "can't tell without " + events}}
	}

	lost := requirement{name: losses, state: stateOK, detail: "in this kernel"}
	if !counted {
		lost.state = stateNote
		lost.detail = "before Linux 6.0 a loss is told with the next event only"
	}

	size := (1 + 1<<bits.Len(uint(pages-1))) * os.Getpagesize()
	mapped := requirement{name: buffers, state: stateOK, detail: fmt.Sprintf("%d KiB for each of %d CPUs", size>>10, len(fds))}
	if err := mapRings(fds, size); err != nil {
		mapped.state = stateMissing
		mapped.detail += ": " + err.Error()
		mapped.remedies = []string{"smaller ones: --monitor-buffer-pages"}
		if errors.Is(err, fs.ErrPermission) {
			mapped.remedies = append(mapped.remedies,
				"shell: ulimit -l unlimited",
				"systemd: LimitMEMLOCK=infinity",
				fmt.Sprintf("for all users: sysctl kernel.perf_event_mlock_kb=%d", size>>10),
				"or CAP_IPC_LOCK")
		}
	}
	return []requirement{opened, lost, mapped}
}

// openPerfEvents opens a perf event like the agent's for each CPU that is online, and
// tells whether the kernel counts the losses of each. What was opened is the caller's to
// close, also if there is an error.
func openPerfEvents() (fds []int, counted bool, err error) {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, false, err
	}
	attr := unix.PerfEventAttr{
		Type:        unix.PERF_TYPE_SOFTWARE,
		Config:      unix.PERF_COUNT_SW_BPF_OUTPUT,
		Size:        uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Sample_type: unix.PERF_SAMPLE_RAW,
		Read_format: 1 << 4, // PERF_FORMAT_LOST
		Wakeup:      1,
	}
	for cpu := range cpus {
		fd, err := unix.PerfEventOpen(&attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if errors.Is(err, unix.EINVAL) && attr.Read_format != 0 {
			attr.Read_format = 0
			fd, err = unix.PerfEventOpen(&attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		}
		if errors.Is(err, unix.ENODEV) {
			continue // the CPU is offline
		}
		if err != nil {
			return fds, false, err
		}
		fds = append(fds, fd)
	}
	return fds, attr.Read_format != 0, nil
}

// mapRings maps all rings at once, since what they may lock is limited in sum.
func mapRings(fds []int, size int) error {
	for _, fd := range fds {
		ring, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		defer unix.Munmap(ring)
	}
	return nil
}
