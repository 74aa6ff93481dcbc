// SPDX-License-Identifier: Apache-2.0

package ringbuf

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lease is who reads a ring buffer, among readers that know of leases. It lies where all of them see
// it, whichever container they are in, and nobody who may not read the ring can write: in the
// page of the consumer's position, of which the kernel uses the first 8 bytes only
// (struct bpf_ringbuf in kernel/bpf/ringbuf.c; it clears the page when the map is made, and never looks
// at the rest).
//
// Each of the first two words is 0 or a claim: the time of its last renewal, which tells
// those that are dead, and the id of the reader.
type lease struct {
	held   atomic.Uint64 // by the reader
	wanted atomic.Uint64 // by one that is told to take the ring over
	holder atomic.Uint64 // the process of the reader: see processWord
}

// leaseOffset is where the lease is in the consumer's page.
const leaseOffset = 2048

func leaseIn(page []byte) *lease { return (*lease)(unsafe.Pointer(&page[leaseOffset])) }

const (
	// tick is the unit of a claim's time.
	tick = 10 * time.Millisecond

	// renewEvery is how often a claim is renewed, and expiry the age from which on it is void.
	renewEvery = 250 * time.Millisecond
	expiry     = 3 * time.Second
)

// claim returns the claim of a reader as of now. Time is that of CLOCK_MONOTONIC.
func claim(id uint32) uint64 {
	return uint64(ticks())<<32 | uint64(id)
}

func ticks() uint32 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // can't fail
	return uint32(now.Nano() / int64(tick))
}

// others tells whether a claim is one of another reader that is alive.
func others(claim uint64, id uint32) bool {
	if claim == 0 || uint32(claim) == id {
		return false
	}
	age := int32(ticks() - uint32(claim>>32))
	return age > -int32(expiry/tick) && age < int32(expiry/tick)
}

// take takes the lease for a reader, unless another one has it.
func (l *lease) take(id uint32) bool {
	held := l.held.Load()
	if others(held, id) || !l.held.CompareAndSwap(held, claim(id)) {
		return false
	}
	l.holder.Store(processWord())
	return true
}

// renew returns false if another reader has the lease, since this one was held up for too long.
func (l *lease) renew(id uint32) bool {
	held := l.held.Load()
	return !others(held, id) && l.held.CompareAndSwap(held, claim(id))
}

// give ends the claim of a reader on the lease.
func (l *lease) give(id uint32) { withdraw(&l.held, id) }

// ask wants the lease for a reader: its holder gives it up within seconds.
func (l *lease) ask(id uint32) { l.wanted.Store(claim(id)) }

// withdraw ends a claim of a reader, if it is there.
func withdraw(word *atomic.Uint64, id uint32) {
	if claim := word.Load(); uint32(claim) == id {
		word.CompareAndSwap(claim, 0)
	}
}

// processWord tells this process from all others: by its id, and the inode of the namespace that this
// one is in.
func processWord() uint64 {
	var stat unix.Stat_t
	_ = unix.Stat("/proc/self/ns/pid", &stat) // without it no namespace is ours
	return stat.Ino<<32 | uint64(uint32(os.Getpid()))
}

// name names the holder for people.
func (l *lease) name() string {
	holder, own := l.holder.Load(), processWord()
	switch {
	case holder == own:
		return "this process"
	case holder>>32 == own>>32:
		pid := uint32(holder)
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			return fmt.Sprintf("process %d", pid)
		}
		return fmt.Sprintf("process %d (%s)", pid, strings.ToValidUTF8(strings.TrimSpace(string(comm)), "?"))
	default:
		return "a process of another container"
	}
}
