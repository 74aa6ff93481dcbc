// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/interest"
)

// Each event is held against the rules for packets of all clients, with the dispatch lock held: 40 ns for each protocol, port range and network.
// So the rules of all clients together have at most maxPacketValues of them, more than a datapath has room for, and
// those of one user no more than a part of these.
const (
	maxPacketValues = 64
	packetShare     = 4
)

// packetCost is how many values events are held against for an interest.
func packetCost(i interest.Interest) (n int) {
	for _, r := range i.Packets {
		n += len(r.Protocols) + len(r.Ports) + len(r.CIDRs)
	}
	if len(i.Packets) == 1 && len(i.Packets[0].Ports) == 1 && i.Packets[0].Ports[0].First == i.Packets[0].Ports[0].Last {
		n-- // the index finds it
	}
	return n
}

// packetUses are what the rules of clients cost, by user and class.
type packetUses map[packetUser]packetUse

type packetUser struct {
	uid   uint32
	class int
}

type packetUse struct{ clients, cost int }

// costs returns what the rules of a user and those of all cost. Those of one class cost once.
func (p packetUses) costs(uid uint32) (own, all int) {
	var seen eventlog.Classes
	for user, use := range p {
		if user.uid == uid {
			own += use.cost
		}
		if class := eventlog.Of(user.class); user.class == shared || seen&class == 0 {
			seen |= class
			all += use.cost
		}
	}
	return own, all
}

// add adds a client, or n = -1 removes it. In the shared class each has rules of its own.
func (p packetUses) add(n int, user packetUser, wants interest.Interest) {
	cost := packetCost(wants)
	if cost == 0 {
		return
	}
	use := p[user]
	if use.clients += n; use.clients == 0 {
		delete(p, user)
		return
	}
	if user.class == shared {
		use.cost += n * cost
	} else {
		use.cost = cost
	}
	p[user] = use
}

// enterClientLocked is enterFilteringLocked for a user's client. It returns what the agent applies of what it wants: without
// packets if the rules for them would cost too much. The caller holds Agent.Mutex.
func (d *demand) enterClientLocked(uid uint32, wants interest.Interest) (class int, applied interest.Interest) {
	wants = wants.Normal()
	if !d.affordsLocked(uid, wants) {
		wants.Packets = nil
	}
	class = d.enterFilteringLocked(wants)
	d.packetUses.add(1, packetUser{uid, class}, wants)
	return class, wants
}

// leaveClientLocked removes a client, with what enterClientLocked returned. The caller holds Agent.Mutex.
func (d *demand) leaveClientLocked(uid uint32, class int, applied interest.Interest) {
	d.packetUses.add(-1, packetUser{uid, class}, applied)
	d.leaveLocked(class, applied)
}

// affordsLocked tells whether events can be held against a user's rules, too. The caller holds Agent.Mutex.
func (d *demand) affordsLocked(uid uint32, wants interest.Interest) bool {
	cost := packetCost(wants)
	if cost == 0 {
		return true
	}
	for _, c := range d.classes[:shared] {
		if c.users > 0 && c.interest.Equal(wants) {
			return true
		}
	}
	own, all := d.packetUses.costs(uid)
	return own+cost <= maxPacketValues/packetShare && all+cost <= maxPacketValues
}
