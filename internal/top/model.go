// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/explain"
	"github.com/cilium/monitor/format"
)

// keptPackets is how many packets are kept of each reason and verdict.
const keptPackets = 64

// Model has the tables. Safe for concurrent use.
type Model struct {
	recorded bool // events have times of their own

	// Guarded by mu.
	mu          sync.Mutex
	tables      [tables]counts
	all         count // dropped packets
	kept        map[string]*ring
	undecodable uint64
	lost        uint64 // without what a rate limit left out
	began, now  time.Time
	interfaces  *format.InterfaceNames
	printed     *format.Event // that Print decodes into

	conversation []byte // of the event that is counted
}

// Packet is an event with a packet that is kept.
type Packet struct {
	At      time.Time
	payload payload.Payload // of its own
	names   [tables]string  // of the rows that it was counted in, "": in none
}

// ring has the last packets.
type ring struct {
	packets []Packet
	oldest  int // once there are as many as are kept
}

// New returns a model that counts from a time on. Of a recording, whose events have times of their own, rates are those of all of
// it, and the time is that of its last event.
func New(began time.Time, recorded bool) *Model {
	m := &Model{recorded: recorded, began: began, now: began, kept: make(map[string]*ring)}
	m.SetInterfaces(format.NewInterfaceNames(nil))
	m.printed = format.NewEvent(func(ifindex uint32) string { return m.interfaces.Name(ifindex) })
	return m
}

// SetInterfaces gives the packets that are printed from now on the names of network interfaces. The model uses
// them only while it is called.
func (m *Model) SetInterfaces(names *format.InterfaceNames) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.interfaces = names
}

// Add counts the event that pl was decoded to. It keeps a copy of pl if that has a packet.
func (m *Model) Add(e *format.Event, pl *payload.Payload, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.recorded {
		if m.began.IsZero() || at.Before(m.began) {
			m.began = at
		}
		if at.After(m.now) {
			m.now = at
		}
	}
	switch {
	case e.Err() != nil:
		m.undecodable++
	case e.Lost() > 0:
		m.tables[Losses].add(lossName(e, pl.CPU), e.Lost(), at)
		if _, limited := e.RateLimited(); !limited {
			m.lost += e.Lost()
		}
	default:
		m.count(e, pl, at)
	}
}

func lossName(e *format.Event, cpu int) string {
	if typ, limited := e.RateLimited(); limited {
		if typ == api.MessageTypeName(api.MessageTypeKernelDrop) {
			return typ + ": more than 1000/s of one kind"
		}
		return "the datapath's rate limit: " + typ
	}
	if cpu == payload.CPULostByReader {
		return "this client is too slow"
	}
	return "the agent is too slow for CPU " + strconv.Itoa(cpu) + "'s ring"
}

// count counts an event that happened.
func (m *Model) count(e *format.Event, pl *payload.Payload, at time.Time) {
	var names [tables]string
	n := e.Packets()
	switch {
	case e.IsDrop():
		m.all.add(n, at)
		names[Reasons], names[Functions] = cmp.Or(e.Kind(), "no reason is told"), e.Function()
	case e.Type() == api.MessageTypePolicyVerdict:
		names[Verdicts] = e.Kind()
	}
	if names[Verdicts] == "" { // the drop of a denied packet is counted as well
		_, names[Devices] = e.Interface()
		m.conversation = e.AppendConversation(m.conversation[:0])
		names[Talkers] = string(m.conversation)
	}
	for t, name := range names {
		if name != "" {
			m.tables[t].add(name, n, at)
		}
	}
	if key := names[Reasons] + names[Verdicts]; key != "" {
		m.keep(key, pl, at, names)
	}
}

// keep keeps a packet in place of the oldest one with the same key.
func (m *Model) keep(key string, pl *payload.Payload, at time.Time, names [tables]string) {
	r := m.kept[key]
	if r == nil {
		if len(m.kept) >= maxRows {
			return
		}
		r = &ring{}
		m.kept[key] = r
	}
	if len(r.packets) < keptPackets {
		r.packets = append(r.packets, Packet{})
		r.oldest = len(r.packets) - 1
	}
	p := &r.packets[r.oldest]
	r.oldest = (r.oldest + 1) % keptPackets
	// Packets that were returned share the memory of the old one.
	*p = Packet{At: at, payload: *pl, names: names}
	p.payload.Data = bytes.Clone(pl.Data)
}

// Rows returns the rows of a table at a time, in no particular order, and how much was counted in rows that it has no more.
func (m *Model) Rows(t Table, now time.Time) (rows []Row, removed uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows = make([]Row, 0, len(m.tables[t].rows))
	for name, c := range m.tables[t].rows {
		rows = append(rows, m.rowLocked(c, name, now))
	}
	return rows, m.tables[t].removed
}

func (m *Model) rowLocked(c *count, name string, now time.Time) Row {
	if !m.recorded {
		return c.row(name, m.began, now)
	}
	r := c.row(name, m.began, m.now)
	r.Rate = 0
	if d := m.now.Sub(m.began); d > 0 {
		r.Rate = float64(r.Total) / d.Seconds()
	}
	return r
}

// Totals are what there is of all events.
type Totals struct {
	Drops       Row // that are dropped packets
	Lost        uint64
	Undecodable uint64
	Time        time.Time     // now, or of the last event of a recording
	Elapsed     time.Duration // since the first
}

// Totals returns what there is of all events.
func (m *Model) Totals(now time.Time) Totals {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.recorded {
		now = m.now
	}
	return Totals{Drops: m.rowLocked(&m.all, "", now), Lost: m.lost, Undecodable: m.undecodable, Time: now, Elapsed: now.Sub(m.began)}
}

// Packets returns the packets that are kept of a row, the latest first.
func (m *Model) Packets(t Table, name string) (packets []Packet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.kept {
		for i := range r.packets {
			if r.packets[i].names[t] == name {
				packets = append(packets, r.packets[i])
			}
		}
	}
	slices.SortStableFunc(packets, func(a, b Packet) int { return b.At.Compare(a.At) })
	return packets
}

// Print returns a packet as a formatter prints it, which may be several lines.
func (m *Model) Print(p *Packet, f *format.Formatter) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.printed.Decode(&p.payload)
	return f.Append(nil, m.printed)
}

// Meaning returns what the reason of dropped packets means, "" if that is not known or they have different ones. Where the function
// tells more than the reason, that is said if it is the same for all of them.
func (m *Model) Meaning(packets []Packet) (meaning string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range packets {
		m.printed.Decode(&packets[i].payload)
		next := m.printed.Meaning()
		switch {
		case i == 0:
			meaning = next
		case packets[i].names[Reasons] != packets[0].names[Reasons]:
			return ""
		case next != meaning:
			reason, _ := explain.Kernel(packets[i].names[Reasons])
			meaning = reason.Meaning
		}
	}
	return meaning
}
