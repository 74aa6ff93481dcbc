// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
)

// ErrTooManyInterests says that consumers and listeners have so many different interests already that there is no
// room for another one. There is room for 62, of which clients and streams leave 16 to them, and always for the one
// in everything.
var ErrTooManyInterests = errors.New("the subscribers of the monitor agent have too many different interests")

const (
	// everything is the class that wants all events.
	everything = 0

	// shared is the class of those streams and clients for whose interest there is no other: it wants what any of
	// them wants, and each of them leaves out what the others want.
	shared = eventlog.MaxClasses - 1

	// spared is how many classes streams and clients leave to those who can't do that.
	spared = 16
)

// demand is what subscribers want. Those of the same interest are one class of the event log's.
type demand struct {
	// Guarded by Agent.Mutex.
	classes [eventlog.MaxClasses]struct {
		interest interest.Interest
		users    int
		left     uint64 // turns of dispatch when there was no user any more
	}

	sharing    []interest.Interest // of the users of the shared class
	packetUses packetUses          // of clients, which are among the users

	current atomic.Pointer[wanted] // replaced on change
	changed func()                 // called then, with Agent.Mutex held

	dispatch *dispatchLock // whoever holds it may have events with classes that current does not have any more

	event interest.Event // that is being distributed, guarded by dispatch
}

// wanted tells which classes want an event.
type wanted struct {
	types   [256]eventlog.Classes // by message type: those that want any of it
	refined [256]eventlog.Classes // those that want only some of it
	index   *interest.Index       // of all of them
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

// enterFilteringLocked adds a stream or client, which leaves out what it does not want if the class is the shared one.
// The caller holds Agent.Mutex.
func (d *demand) enterFilteringLocked(wants interest.Interest) (class int) {
	wants = wants.Normal()
	class = d.classLocked(wants)
	if class < 0 || class != everything && d.classes[class].users == 0 && d.freeLocked() <= spared {
		d.sharing = append(d.sharing, wants)
		d.classes[shared].users++
		d.shareLocked()
		return shared
	}
	d.classes[class].interest = wants
	d.addLocked(class)
	return class
}

// freeLocked returns how many classes have no user. The caller holds Agent.Mutex.
func (d *demand) freeLocked() (n int) {
	for _, c := range d.classes[everything+1 : shared] {
		if c.users == 0 {
			n++
		}
	}
	return n
}

// shareLocked has the shared class want what its users want. The caller holds Agent.Mutex.
func (d *demand) shareLocked() {
	d.classes[shared].interest = interest.Union(d.sharing...)
	d.updateLocked()
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
	for i := range d.classes[1:shared] {
		switch c := &d.classes[1+i]; {
		case c.interest.Equal(wants):
			return 1 + i
		case c.users == 0 && free < 0 && d.dispatch.over(c.left):
			free = 1 + i
		}
	}
	return free
}

// leaveLocked removes a subscriber of a class, with the interest that it entered with. The caller holds Agent.Mutex.
func (d *demand) leaveLocked(class int, wants interest.Interest) {
	c := &d.classes[class]
	c.users--
	switch {
	case class == shared:
		wants = wants.Normal()
		i := slices.IndexFunc(d.sharing, wants.Equal)
		d.sharing = slices.Delete(d.sharing, i, i+1)
		d.shareLocked()
	case c.users == 0:
		d.updateLocked()
		c.left = d.dispatch.turns()
	}
}

// interestLocked returns what a class wants. The caller holds Agent.Mutex.
func (d *demand) interestLocked(class int) interest.Interest { return d.classes[class].interest }

// textOf says to people what a subscriber wants, empty if that is everything.
func textOf(wants interest.Interest) string {
	if wants.Everything() {
		return ""
	}
	return wants.String()
}

// wantedTextLocked says to people what anybody wants, empty if that is nothing. The caller holds Agent.Mutex.
func (d *demand) wantedTextLocked() string {
	all := d.interestsLocked()
	if len(all) == 0 {
		return ""
	}
	return interest.Union(all...).String()
}

// updateLocked has all who distribute events see what is wanted. The caller holds Agent.Mutex.
func (d *demand) updateLocked() {
	w := new(wanted)
	interests := make([]interest.Interest, len(d.classes))
	for i := range d.classes {
		c := &d.classes[i]
		if c.users == 0 {
			continue
		}
		interests[i] = c.interest
		for typ := range w.types {
			if c.interest.WantsType(uint8(typ)) {
				w.types[typ] |= eventlog.Of(i)
			}
			if c.interest.Refines(uint8(typ)) {
				w.refined[typ] |= eventlog.Of(i)
			}
		}
	}
	w.index = interest.NewIndex(interests)
	d.current.Store(w)
	d.changed()
}

// wantedLocked returns what is wanted of sources. The caller holds Agent.Mutex.
func (d *demand) wantedLocked() source.Wanted { return wantedOf(d.interestsLocked()) }

// interestsLocked returns what subscribers want. The caller holds Agent.Mutex.
func (d *demand) interestsLocked() (all []interest.Interest) {
	for _, c := range d.classes {
		if c.users > 0 {
			all = append(all, c.interest)
		}
	}
	return all
}

// classesOfType returns the classes that want an event of a type, if only some of them.
func (d *demand) classesOfType(typ uint8) eventlog.Classes {
	if w := d.current.Load(); w != nil {
		return w.types[typ]
	}
	return 0
}

// classesOf returns the classes that want an event. The caller holds the dispatch lock.
func (d *demand) classesOf(sample []byte) eventlog.Classes {
	w := d.current.Load()
	if w == nil {
		return 0
	}
	classes := w.types[sample[0]]
	refined := classes & w.refined[sample[0]]
	if refined == 0 {
		return classes
	}
	d.event.Reset(sample)
	return classes&^refined | eventlog.Classes(w.index.Wants(&d.event, uint64(refined)))
}

// ofOthers tells whether a payload of the shared class is wanted by others only. Who is in it gets what the agent says
// about its sources in any case.
func ofOthers(wants interest.Interest, pl *payload.Payload) bool {
	return !wantsPayload(wants, pl) && !isNotice(pl.Data)
}
