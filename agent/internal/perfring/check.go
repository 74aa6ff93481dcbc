// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/eventsmap"
)

// Support is what [Check] found out.
type Support struct {
	CPUs         int   // that are online
	RingSize     int   // in bytes, of a CPU, with the page that the kernel puts in front of it
	CountsLosses bool  // the kernel counts the losses of each event, see [Ring.LostNow]
	MapError     error // why rings of that size can't be mapped
}

// Check opens a perf event for each online CPU as Open does, maps the rings of all of them at once,
// since what they may lock is limited in sum, and closes them. The error is why the events can't be
// opened. pages is a power of two.
func Check(pages int) (_ Support, err error) {
	possible, err := possibleCPUs()
	if err != nil {
		return Support{}, fmt.Errorf("check perf events: %w", err)
	}
	var fds []int
	defer func() {
		for _, fd := range fds {
			err = errors.Join(err, unix.Close(fd))
		}
	}()
	for cpu := range possible {
		fd, err := openEvent(cpu, 1)
		if errors.Is(err, unix.ENODEV) {
			continue // the CPU is offline
		}
		if err != nil {
			return Support{}, fmt.Errorf("check perf event of CPU %d: %w", cpu, err)
		}
		fds = append(fds, fd)
	}
	support := Support{CPUs: len(fds), RingSize: (1 + pages) * unix.Getpagesize()}
	if _, support.CountsLosses, err = readEvent(fds[0]); err != nil {
		return Support{}, fmt.Errorf("check perf events: %w", err)
	}
	support.MapError = mapAll(fds, support.RingSize)
	return support, nil
}

// CheckFree returns [ErrTaken] if somebody reads the array, and who that may be. It changes nothing.
func CheckFree(array *ebpf.Map) error {
	id, err := eventsmap.ID(array)
	if err != nil {
		return err
	}
	taken, err := isTaken(array)
	if taken {
		err = fmt.Errorf("%w: %s", ErrTaken, findReaders(id, maxSearch))
	}
	return err
}

// isTaken tells whether somebody reads the array.
func isTaken(array *ebpf.Map) (bool, error) {
	possible, err := possibleCPUs()
	if err != nil {
		return false, fmt.Errorf("check events map: %w", err)
	}
	slots, err := openSlots(array)
	if err != nil {
		return false, err
	}
	defer slots.close()
	return slots.firstTaken(min(possible, int(array.MaxEntries())), nil) >= 0, nil
}

func mapAll(fds []int, size int) error {
	for _, fd := range fds {
		ring, err := mapRing(fd, size)
		if err != nil {
			return err
		}
		defer unix.Munmap(ring)
	}
	return nil
}
