// SPDX-License-Identifier: Apache-2.0

package source

import (
	"math"

	"github.com/cilium/monitor/api/session"
)

// Selective is a [Source] that need not make events which nobody wants.
type Selective interface {
	Source

	// SetWanted says what is wanted from now on: when it is opened, and when that changes. It holds until Close,
	// and is not changed any more. It returns whether whoever makes the events looks at that. Other events may
	// come nonetheless, also all of a message type of which only some are wanted. After another error than [ErrNotSelective]
	// the source is read all the same, that events may be missing is reported, and SetWanted is called again every second. Once that
	// succeeds, the source is opened anew.
	SetWanted(wanted *Wanted) (selects bool, err error)
}

// Wanted is what somebody wants of a source. The zero value is nothing.
type Wanted struct {
	// Types are the message types of which events are wanted.
	Types Types

	// DropReasons are the reasons of which drops are wanted, if drops are.
	DropReasons Types

	// Refined are those of Types of which only events are wanted whose packet matches one of Packets, as
	// [session.PacketRule] has it. They are types of Cilium's that have a packet.
	Refined Types
	Packets []session.PacketRule
}

// Types is a set of numbers of one byte, message types for example: bit n%64 of word n/64 stands for n.
type Types [4]uint64

// Has tells whether a number is in the set.
func (t Types) Has(n uint8) bool { return t[n/64]>>(n%64)&1 != 0 }

// Add adds a number.
func (t *Types) Add(n uint8) { t[n/64] |= 1 << (n % 64) }

// AddAll adds some numbers, or all that there are if none are given.
func (t *Types) AddAll(some []uint8) {
	if len(some) == 0 {
		*t = Types{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}
	}
	for _, n := range some {
		t.Add(n)
	}
}

// Without returns what is in the set but not in another one.
func (t Types) Without(other Types) Types {
	for i := range t {
		t[i] &^= other[i]
	}
	return t
}
