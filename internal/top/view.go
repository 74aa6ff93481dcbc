// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cilium/monitor/format"
)

// Key is what somebody pressed: a character, or one of the constants.
type Key rune

// Keys that are no characters.
const (
	KeyUp Key = -1 - iota
	KeyDown
	KeyPageUp
	KeyPageDown
	KeyHome
	KeyEnd
	KeyEnter
	KeyEscape
	KeyTab
	KeyBacktab
	KeyBackspace
)

// order is by what rows are sorted.
type order int

const (
	byRate order = iota
	byTotal
	byLast
	byName
	orders
)

var orderNames = [orders]string{"rate", "total", "last seen", "name"}

func (o order) compare(a, b Row) int {
	byNames := cmp.Compare(a.Name, b.Name)
	switch o {
	case byRate:
		return cmp.Or(cmp.Compare(b.Rate, a.Rate), cmp.Compare(b.Total, a.Total), byNames)
	case byTotal:
		return cmp.Or(cmp.Compare(b.Total, a.Total), byNames)
	case byLast:
		return cmp.Or(b.Last.Compare(a.Last), byNames)
	default:
		return byNames
	}
}

// page is what is shown.
type page int

const (
	pageRows    page = iota // of a table
	pagePackets             // the last ones of a row
	pagePacket              // one of them
	pageHelp
)

// View is what somebody sees of a model, and does with it. Not safe for concurrent use.
type View struct {
	model  *Model
	source string // where the events come from

	page   page
	before page // the help
	frozen bool
	notice string // of the source
	silent string // why the source tells of no drops

	// Of the table.
	table    Table
	order    order
	filter   string
	typing   bool // of the filter
	totals   Totals
	rows     []Row // those that the filter lets through, in their order
	removed  uint64
	selected string
	first    int // of the rows that are shown
	height   int // how many there is room for

	// Of the packets of a row.
	packets []Packet
	meaning string
	packet  int // that is selected
	hex     bool
	scroll  int
}

// NewView returns a view of a model, whose events come from a source.
func NewView(model *Model, source string) *View {
	return &View{model: model, source: source, height: 1}
}

// SetNotice has the view say something about the source of events, until it is "".
func (v *View) SetNotice(text string) { v.notice = text }

// SetSilent has the view say why the source tells of no drops, or not of all, as long as there are none. "" is that none happened.
func (v *View) SetSilent(why string) { v.silent = why }

// Refresh takes the model as it is at a time, unless the view is frozen.
func (v *View) Refresh(now time.Time) {
	if v.frozen {
		return
	}
	v.totals = v.model.Totals(now)
	v.takeRows(now)
	if v.page == pagePackets {
		v.takePackets()
	}
}

// takeRows keeps what is selected where it is in the new order.
func (v *View) takeRows(now time.Time) {
	v.rows, v.removed = v.model.Rows(v.table, now)
	lower := strings.ToLower(v.filter)
	v.rows = slices.DeleteFunc(v.rows, func(r Row) bool { return !strings.Contains(strings.ToLower(r.Name), lower) })
	slices.SortFunc(v.rows, v.order.compare)
}

// takePackets keeps what is selected if it is still there.
func (v *View) takePackets() {
	var at time.Time
	if v.packet > 0 && v.packet < len(v.packets) {
		at = v.packets[v.packet].At
	}
	v.packets = v.model.Packets(v.table, v.selected)
	v.packet = 0
	if !at.IsZero() {
		v.packet = max(slices.IndexFunc(v.packets, func(p Packet) bool { return p.At.Equal(at) }), 0)
	}
	v.meaning = ""
	if v.table == Reasons || v.table == Functions {
		v.meaning = v.model.Meaning(v.packets)
	}
}

// Press does what a key is for, at a time, and returns whether that is to quit.
func (v *View) Press(k Key, now time.Time) (quit bool) {
	switch {
	case v.typing:
		v.typeFilter(k, now)
		return false
	case k == 'q':
		return true
	case v.page == pageHelp:
		v.page = v.before
	case k == '?' || k == 'h':
		v.page, v.before = pageHelp, v.page
	case k == ' ':
		v.frozen = !v.frozen
		v.Refresh(now)
	case k >= '1' && k < '1'+Key(tables):
		v.show(Table(k-'1'), now)
	case v.page == pageRows:
		v.pressOnRows(k, now)
	case v.page == pagePackets:
		v.pressOnPackets(k)
	default:
		v.pressOnPacket(k)
	}
	return false
}

// typeFilter takes a key while the filter is typed, which applies at once.
func (v *View) typeFilter(k Key, now time.Time) {
	switch {
	case k == KeyEnter:
		v.typing = false
	case k == KeyEscape:
		v.typing, v.filter = false, ""
	case k == KeyBackspace && v.filter != "":
		runes := []rune(v.filter)
		v.filter = string(runes[:len(runes)-1])
	case k >= ' ':
		v.filter += string(rune(k))
	}
	v.takeRows(now)
}

func (v *View) pressOnRows(k Key, now time.Time) {
	switch k {
	case KeyTab:
		v.show((v.table+1)%tables, now)
	case KeyBacktab:
		v.show((v.table+tables-1)%tables, now)
	case 's':
		v.order = (v.order + 1) % orders
		slices.SortFunc(v.rows, v.order.compare)
	case '/':
		v.typing = true
	case KeyEscape:
		v.filter = ""
		v.takeRows(now)
	case KeyEnter:
		if i := v.selectedRow(); i < len(v.rows) && v.table != Losses {
			v.selected = v.rows[i].Name
			v.page, v.packet = pagePackets, 0
			v.takePackets()
		}
	default:
		if len(v.rows) > 0 {
			v.selected = v.rows[move(k, v.selectedRow(), len(v.rows), v.height)].Name
		}
	}
}

func (v *View) show(t Table, now time.Time) {
	v.page, v.table, v.selected, v.first, v.filter = pageRows, t, "", 0, ""
	v.takeRows(now)
}

// selectedRow is the first if what was selected is not there.
func (v *View) selectedRow() int {
	return max(slices.IndexFunc(v.rows, func(r Row) bool { return r.Name == v.selected }), 0)
}

func (v *View) pressOnPackets(k Key) {
	switch k {
	case KeyEscape, KeyBackspace:
		v.page = pageRows
	case KeyEnter:
		if len(v.packets) > 0 {
			v.page, v.scroll = pagePacket, 0
		}
	default:
		v.packet = move(k, v.packet, len(v.packets), v.height)
	}
}

func (v *View) pressOnPacket(k Key) {
	switch k {
	case KeyEscape, KeyBackspace:
		v.page = pagePackets
	case 'x':
		v.hex, v.scroll = !v.hex, 0
	case 'n', 'p':
		step := map[Key]Key{'n': KeyDown, 'p': KeyUp}[k]
		v.packet, v.scroll = move(step, v.packet, len(v.packets), 1), 0
	default:
		v.scroll = move(k, v.scroll, 1<<30, v.height)
	}
}

// move returns where a key leads from the i-th of n things, of which so many are on a page.
func move(k Key, i, n, page int) int {
	switch k {
	case KeyUp, 'k':
		i--
	case KeyDown, 'j':
		i++
	case KeyPageUp:
		i -= page
	case KeyPageDown:
		i += page
	case KeyHome, 'g':
		i = 0
	case KeyEnd, 'G':
		i = n - 1
	default: // leads nowhere
	}
	return max(min(i, n-1), 0)
}

// formatter returns what prints the packets.
func (v *View) formatter(level format.Level, columns int) *format.Formatter {
	opts := format.Options{Level: level, Hex: v.hex && level == format.LevelVerbose}
	if level == format.LevelDefault {
		opts.Width = func() int { return columns }
	}
	return format.New(opts)
}
