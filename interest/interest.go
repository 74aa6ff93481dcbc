// SPDX-License-Identifier: Apache-2.0

// Package interest says which events a subscriber of the monitor wants. Nobody gets what it did not ask
// for, and what nobody asks for costs little: the datapath need not even make it.
//
// A subscriber that says nothing wants everything: Cilium's consumers do, and clients of the monitor
// API 1.2.
package interest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
)

// Interest is what a subscriber wants. The zero value is everything. All that is given has to hold.
//
// Losses come in any case, since nobody knows what was lost.
type Interest struct {
	// Types are the message types, see [api.MessageTypeName]; none given are all. Both the datapath
	// and user space have types.
	Types []uint8

	// DropReasons are reasons of drops, see [api.DropReason]; none given are all. They say nothing
	// of events that are no drops.
	DropReasons []uint8

	// Packets are the packets that are wanted, those that match any of the rules; none given are all. They say
	// nothing of events that have no packet. One that cannot be decoded, is not IP or is cut matches, see
	// [session.PacketRule], and so do those of registered message types, of which only who registered them knows
	// where their packet is.
	Packets []session.PacketRule
}

// Interested is implemented by consumers and listeners that do not want everything.
type Interested interface {
	// Interest returns what the subscriber wants. The agent calls it once, when the subscriber is
	// registered, and with no lock held.
	Interest() Interest
}

// Of returns the interest of a subscriber: what its Interest method says, if it has one.
func Of(subscriber any) Interest {
	if i, ok := subscriber.(Interested); ok {
		return i.Interest()
	}
	return Interest{}
}

// Types is the interest in all events of these message types.
func Types(types ...uint8) Interest { return Interest{Types: types} }

// Everything tells whether the interest is in all events.
func (i Interest) Everything() bool {
	return len(i.Types) == 0 && len(i.DropReasons) == 0 && len(i.Packets) == 0
}

// WantsType tells whether events of a message type are wanted, if only some of them.
func (i Interest) WantsType(typ uint8) bool {
	return len(i.Types) == 0 || slices.Contains(i.Types, typ)
}

// Refines tells whether of events of a message type only some are wanted.
func (i Interest) Refines(typ uint8) bool {
	return i.WantsType(typ) && (typ == api.MessageTypeDrop && len(i.DropReasons) > 0 || i.RefinesPackets(typ))
}

// RefinesPackets tells whether Packets say something of events of a message type.
func (i Interest) RefinesPackets(typ uint8) bool { return len(i.Packets) > 0 && hasPacket(typ) }

// Wants tells whether an event is wanted. The first byte of sample is its message type. What can't be
// decoded is wanted if its type is.
func (i Interest) Wants(sample []byte) bool {
	if len(sample) == 0 {
		return true
	}
	if !i.RefinesPackets(sample[0]) {
		return wantsWithout(&i, sample)
	}
	e := events.Get().(*Event)
	defer events.Put(e)
	e.Reset(sample)
	return i.WantsEvent(e)
}

// wantsWithout is Wants but for packets.
func wantsWithout(i *Interest, sample []byte) bool {
	const offsetReason = 1 // of [api.DropNotify], in all versions
	if len(i.Types) > 0 && !slices.Contains(i.Types, sample[0]) {
		return false
	}
	return sample[0] != api.MessageTypeDrop || len(i.DropReasons) == 0 || len(sample) <= offsetReason ||
		slices.Contains(i.DropReasons, sample[offsetReason])
}

// Normal returns the interest with its values in order, each once. It shares no memory with i.
func (i Interest) Normal() Interest {
	return Interest{Types: sorted(i.Types), DropReasons: sorted(i.DropReasons), Packets: normalRules(i.Packets)}
}

func sorted[T cmp.Ordered](values []T) []T {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}

// Equal tells whether two interests, both from Normal, are the same.
func (i Interest) Equal(other Interest) bool {
	return slices.Equal(i.Types, other.Types) && slices.Equal(i.DropReasons, other.DropReasons) &&
		slices.EqualFunc(i.Packets, other.Packets, equalRules)
}

// String describes the interest to people: "everything", or the names of what is wanted.
func (i Interest) String() string {
	if i.Everything() {
		return "everything"
	}
	var parts []string
	if len(i.Types) > 0 {
		parts = append(parts, names(i.Types, func(t uint8) string { return api.MessageTypeName(int(t)) }))
	}
	if len(i.DropReasons) > 0 {
		parts = append(parts, "drop reasons "+names(i.DropReasons, api.DropReason))
	}
	if len(i.Packets) > 0 {
		parts = append(parts, rulesText(i.Packets))
	}
	return strings.Join(parts, "; ")
}

func names(values []uint8, name func(uint8) string) string {
	texts := make([]string, 0, len(values))
	for _, v := range values {
		texts = append(texts, name(v))
	}
	return strings.Join(texts, ", ")
}
