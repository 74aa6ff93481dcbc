// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"slices"
	"sync"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/internal/raw"
	"github.com/cilium/monitor/interest"
)

// typeSet is a set of message types.
type typeSet [4]uint64

func typesOf(types ...uint8) (s typeSet) {
	for _, t := range types {
		s[t/64] |= 1 << (t % 64)
	}
	return s
}

func (s *typeSet) has(typ uint8) bool { return s[typ/64]&(1<<(typ%64)) != 0 }

// only leaves in s what is also in other.
func (s *typeSet) only(other typeSet) {
	for i := range s {
		s[i] &= other[i]
	}
}

// add adds to s what is in other.
func (s *typeSet) add(other typeSet) {
	for i := range s {
		s[i] |= other[i]
	}
}

var (
	accessLogType = typesOf(api.MessageTypeAccessLog)
	packetTypes   = typesOf(api.MessageTypeDrop, api.MessageTypeCapture, api.MessageTypeTrace, api.MessageTypePolicyVerdict,
		api.MessageTypeKernelDrop)

	// flowTypes are the types of events that become flows.
	flowTypes = func() (s typeSet) {
		s = typesOf(api.MessageTypeTraceSock)
		s.add(packetTypes)
		s.add(accessLogType)
		return s
	}()
)

// events are what events are decoded into.
var events = sync.Pool{New: func() any { return new(raw.Event) }}

// MayMatch tells whether the flow of an event can match. The first byte of sample is its message type. It is
// quick, allocates nothing, and never rules out what [Filter.Match] wants.
func (f *Filter) MayMatch(sample []byte) bool {
	if len(sample) == 0 || !f.interest.Wants(sample) {
		return false
	}
	if len(f.allow) == 0 {
		return true
	}
	typ := sample[0]
	var e *raw.Event // nil until it is needed
	defer func() {
		if e != nil {
			events.Put(e)
		}
	}()
	for i := range f.allow {
		o := &f.allow[i]
		if !o.types.has(typ) {
			continue
		}
		if len(o.rawConditions) == 0 || typ == api.MessageTypeAccessLog {
			return true
		}
		if e == nil {
			e = events.Get().(*raw.Event)
			if e.Decode(sample) != nil { // so it becomes no flow
				return false
			}
		}
		if o.mayMatch(e) {
			return true
		}
	}
	return false
}

func (o *one) mayMatch(e *raw.Event) bool {
	for _, holds := range o.rawConditions {
		if !holds(e) {
			return false
		}
	}
	return true
}

// Interest returns what events can match, as far as an agent can tell: others need not be made. It shares no memory with f.
func (f *Filter) Interest() interest.Interest { return f.interest.Normal() }

func interestOf(allow []one) interest.Interest {
	types, reasons, all := flowTypes, []uint8(nil), len(allow) == 0
	if len(allow) > 0 {
		types = typeSet{}
	}
	for i := range allow {
		o := &allow[i]
		types.add(o.types)
		if o.types.has(api.MessageTypeDrop) {
			all = all || o.dropReasons == nil
			reasons = append(reasons, o.dropReasons...)
		}
	}
	if all {
		reasons = nil
	}
	if types == (typeSet{}) { // nothing can match, and none given would be all
		types = typesOf(api.MessageTypeUnspec)
	}
	wants := interest.Interest{DropReasons: reasons}
	for typ := range 256 {
		if types.has(uint8(typ)) {
			wants.Types = append(wants.Types, uint8(typ))
		}
	}
	return wants.Normal()
}

// oneOf returns whether a value is in a list.
func oneOf[T comparable](list []T) func(T) bool {
	list = slices.Clone(list)
	return func(v T) bool { return slices.Contains(list, v) }
}

// complement returns what is not in s.
func complement(s typeSet) typeSet {
	for i := range s {
		s[i] = ^s[i]
	}
	return s
}
