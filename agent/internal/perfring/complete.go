// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/eventsmap"
	"github.com/cilium/monitor/agent/source"
)

// Check implements [source.Checker]: it looks whether the array is still the one that is pinned,
// whether all CPUs that are online have a ring, and whether these rings are what is in the array.
func (rs *Rings) Check() error {
	if rs.path != "" {
		if err := eventsmap.CheckPath(rs.path, rs.id); err != nil {
			return err
		}
	}
	for _, cpu := range rs.missing {
		if online(cpu) {
			return fmt.Errorf("%w: CPU %d came online", source.ErrStale, cpu)
		}
	}
	for _, r := range rs.rings {
		switch r.state() {
		case slotUnknown:
		case slotOurs:
			if r.standsStill() {
				return fmt.Errorf("%w: CPU %d was offline", source.ErrStale, r.cpu)
			}
		case slotEmpty:
			return fmt.Errorf("%w: somebody took the perf event of CPU %d out of the events map", source.ErrStale, r.cpu)
		case slotTaken:
			rs.lost.Store(true)
			if rs.yields {
				rs.giveUp()
			}
			return fmt.Errorf("%w: %w: the entry of CPU %d is taken by %s", source.ErrStale, ErrTaken, r.cpu, rs.other.names(rs.id))
		}
	}
	if rs.wanted != nil {
		if err := rs.wanted.Check(); err != nil {
			return fmt.Errorf("%w: %w", source.ErrStale, err)
		}
	}
	unread := 0
	for cpu := int(rs.array.MaxEntries()); cpu < rs.possible; cpu++ {
		if online(cpu) {
			unread++
		}
	}
	if unread > 0 {
		return fmt.Errorf("the events map has %d entries: it has no room for %d more CPUs that are online", rs.array.MaxEntries(), unread)
	}
	return nil
}

// giveUp takes the events out of the array that are still in it. Somebody else may have taken it between our looking
// whose an entry was and putting an event there: then each of both would have a part of it.
func (rs *Rings) giveUp() {
	for _, r := range rs.rings {
		if r.state() == slotOurs {
			_ = rs.array.Delete(uint32(r.cpu)) // if it is not empty now, it is looked at again
		}
	}
}

// online tells whether a possible CPU is online: only then has it perf events.
func online(cpu int) bool {
	fd, err := openEvent(cpu, 1)
	if err != nil {
		return false
	}
	_ = unix.Close(fd) // of an event that nobody used
	return true
}
