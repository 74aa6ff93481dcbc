// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"sync/atomic"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/interest"
)

// ErrTooManyInterests is returned to a subscriber if others have so many different interests already
// that there is no room for another one. There is room for 63, and always for the one in everything.
var ErrTooManyInterests = errors.New("the subscribers of the monitor agent have too many different interests")

// everything is the class that wants all events.
const everything = 0

// demand is what subscribers want. Those of the same interest are one class of the event log's.
type demand struct {
	// Guarded by Agent.Mutex.
	classes [eventlog.MaxClasses]struct {
		interest interest.Interest
		users    int
		left     uint64 // turns of dispatch when there was no user any more
	}

	current atomic.Pointer[wanted] // replaced on change
	changed func()                 // called then, with Agent.Mutex held

	dispatch *dispatchLock // whoever holds it may have events with classes that current does not have any more
}

// wanted tells which classes want an event.
type wanted struct {
	types   [256]eventlog.Classes // by message type: those that want any of it
	refined eventlog.Classes      // those that want only some events of a type
	all     [eventlog.MaxClasses]interest.Interest
}

// enterLocked adds a subscriber, and returns the class that it belongs to. The caller holds Agent.Mutex.
//
// Possible errors: [ErrTooManyInterests].
func (d *demand) enterLocked(wants interest.Interest) (class int, err error) {
	wants = wants.Normal()
	if class = d.classLocked(wants); class < 0 {
		return 0, ErrTooManyInterests
	}
	d.classes[class].interest = wants
	d.addLocked(class)
	return class, nil
}

// enterEverythingLocked adds a subscriber that wants everything. The caller holds Agent.Mutex.
func (d *demand) enterEverythingLocked() { d.addLocked(everything) }

func (d *demand) addLocked(class int) {
	c := &d.classes[class]
	if c.users++; c.users == 1 {
		d.updateLocked()
	}
}

// classLocked returns the class of an interest, or a free one for it, -1 if there is none. The caller
// holds Agent.Mutex.
func (d *demand) classLocked(wants interest.Interest) int {
	if wants.Everything() {
		return everything
	}
	free := -1
	for i := range d.classes[1:] {
		switch c := &d.classes[1+i]; {
		case c.interest.Equal(wants):
			return 1 + i
		case c.users == 0 && free < 0 && d.dispatch.over(c.left):
			free = 1 + i
		}
	}
	return free
}

// leaveLocked removes a subscriber of a class. The caller holds Agent.Mutex.
func (d *demand) leaveLocked(class int) {
	c := &d.classes[class]
	if c.users--; c.users == 0 {
		d.updateLocked()
		c.left = d.dispatch.turns()
	}
}

// interestLocked returns what a class wants. The caller holds Agent.Mutex.
func (d *demand) interestLocked(class int) interest.Interest { return d.classes[class].interest }

// textLocked says to people what a class wants, empty if that is everything. The caller holds Agent.Mutex.
func (d *demand) textLocked(class int) string {
	if wants := d.interestLocked(class); !wants.Everything() {
		return wants.String()
	}
	return ""
}

// wantedTextLocked says to people what anybody wants, empty if that is nothing. The caller holds Agent.Mutex.
func (d *demand) wantedTextLocked() string {
	if d.classes[everything].users > 0 {
		return interest.Interest{}.String()
	}
	var all interest.Interest
	for _, c := range d.classes[everything+1:] {
		switch {
		case c.users == 0:
		case len(c.interest.Types) == 0: // but not all of each
			return interest.Interest{}.String()
		default:
			all.Types = append(all.Types, c.interest.Types...)
		}
	}
	if len(all.Types) == 0 {
		return ""
	}
	return all.Normal().String()
}

// updateLocked has all who distribute events see what is wanted. The caller holds Agent.Mutex.
func (d *demand) updateLocked() {
	w := new(wanted)
	for i := range d.classes {
		c := &d.classes[i]
		if c.users == 0 {
			continue
		}
		w.all[i] = c.interest
		for typ := range w.types {
			if c.interest.WantsType(uint8(typ)) {
				w.types[typ] |= eventlog.Of(i)
			}
			if c.interest.Refines(uint8(typ)) {
				w.refined |= eventlog.Of(i)
			}
		}
	}
	d.current.Store(w)
	d.changed()
}

// typesLocked returns the message types of which any event is wanted. The caller holds Agent.Mutex.
func (d *demand) typesLocked() (types source.Types) {
	if w := d.current.Load(); w != nil {
		for typ, classes := range w.types {
			if classes != 0 {
				types.Add(uint8(typ))
			}
		}
	}
	return types
}

// classesOfType returns the classes that want an event of a type, if only some of them.
func (d *demand) classesOfType(typ uint8) eventlog.Classes {
	if w := d.current.Load(); w != nil {
		return w.types[typ]
	}
	return 0
}

// classesOf returns the classes that want an event.
func (d *demand) classesOf(sample []byte) eventlog.Classes {
	w := d.current.Load()
	if w == nil {
		return 0
	}
	classes := w.types[sample[0]]
	for refined := classes & w.refined; refined != 0; refined &= refined - 1 {
		if class := refined.First(); !w.all[class].Wants(sample) {
			classes = classes.Without(class)
		}
	}
	return classes
}
