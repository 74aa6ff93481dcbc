// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strings"
	"time"

	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/fold"
	"github.com/cilium/monitor/internal/inert"
)

// Smallest terminal that there is a view for.
const (
	minColumns = 40
	minRows    = 8
)

// Render returns what to show on a terminal: as many lines as it has rows, each of as many columns as it has.
func (v *View) Render(columns, rows int) []Line {
	if columns < minColumns || rows < minRows {
		return filled([]Line{{{"The terminal is too small", Alarm}}}, columns, rows)
	}
	lines := []Line{v.header(columns)}
	switch v.page {
	case pageRows:
		lines = append(lines, v.tabs(), v.noticeLine())
		lines = append(lines, v.renderRows(columns, rows-len(lines)-1)...)
	case pagePackets:
		lines = append(lines, v.renderPackets(columns, rows-len(lines)-1)...)
	case pagePacket:
		lines = append(lines, v.renderPacket(columns, rows-len(lines)-1)...)
	case pageHelp:
		lines = append(lines, renderHelp(columns)...)
	}
	lines = filled(lines, columns, rows)
	lines[rows-1] = v.footer().fit(columns)
	return lines
}

// filled returns exactly so many lines of so many columns.
func filled(lines []Line, columns, rows int) []Line {
	for len(lines) < rows {
		lines = append(lines, nil)
	}
	lines = lines[:rows]
	for i := range lines {
		lines[i] = lines[i].fit(columns)
	}
	return lines
}

// header says what there is in all.
func (v *View) header(columns int) Line {
	t := &v.totals
	left := Line{{"monitor top", Strong}, {"  " + inert.String(v.source), Faint}}
	var right Line
	add := func(text string, style Style) {
		right = append(right, Span{"  ", Plain}, Span{text, style})
	}
	if t.Undecodable > 0 {
		add(countText(t.Undecodable)+" not decoded", Alarm)
	}
	if t.Lost > 0 {
		add(countText(t.Lost)+" lost", Alarm)
	}
	style := Plain
	if t.Drops.Rate > 0 {
		style = Alarm
	}
	add(rateText(t.Drops.Rate)+" drops/s, "+countText(t.Drops.Total)+" in all", style)
	if !t.Time.IsZero() {
		add(t.Time.Format(time.TimeOnly), Plain)
	}
	return justify(left, right, columns)
}

func (v *View) tabs() Line {
	var l Line
	for t := range tables {
		style := Faint
		if t == v.table {
			style = Selected
		}
		l = append(l, Span{fmt.Sprintf(" %d %s ", t+1, t), style})
	}
	return l
}

// noticeLine is what somebody should know about the source of events.
func (v *View) noticeLine() Line {
	if v.notice == "" {
		return nil
	}
	return Line{{inert.String(v.notice), Alarm}}
}

// footer says what keys do. Where there is no other place, it has the notice; of a recording that never changes, and was read
// in the table before.
func (v *View) footer() Line {
	var l Line
	if v.frozen {
		l = append(l, Span{" FROZEN ", Selected}, Span{" ", Plain})
	}
	switch {
	case v.typing:
		return append(l, Span{"Names that contain: ", Strong}, Span{v.filter + "_", Plain})
	case v.page != pageRows && v.notice != "" && !v.model.recorded:
		return append(l, v.noticeLine()...)
	}
	keys := map[page]string{
		pageRows:    "enter packets  space freeze  s sort  / filter  tab next  ? help  q quit",
		pagePackets: "enter layers  space freeze  esc back  ? help  q quit",
		pagePacket:  "n p next, previous  x hex  esc back  q quit",
		pageHelp:    "any key back  q quit",
	}[v.page]
	return append(l, Span{keys, Faint})
}

// renderRows returns the table in at most so many lines.
func (v *View) renderRows(columns, room int) []Line {
	title := fmt.Sprintf("%7s %7s  %-*s  %s", "/s", "total", trendSeconds, fmt.Sprintf("last %d s", trendSeconds), strings.ToLower(v.table.String()))
	how := "by " + orderNames[v.order]
	if v.filter != "" {
		how = fmt.Sprintf("with %q, %s", v.filter, how)
	}
	if v.removed > 0 {
		how = fmt.Sprintf("+%s in rows that are gone, %s", countText(v.removed), how)
	}
	lines := []Line{justify(Line{{title, Strong}}, Line{{how, Faint}}, columns)}
	v.height = max(room-1, 1)
	selected := v.selectedRow()
	v.first = max(min(v.first, selected, len(v.rows)-v.height), selected-v.height+1, 0)
	if len(v.rows) == 0 {
		lines = append(lines, Line{}, Line{{"  " + v.nothing(), Faint}})
	}
	for i := v.first; i < len(v.rows) && i-v.first < v.height; i++ {
		r := &v.rows[i]
		text := fmt.Sprintf("%7s %7s  %s  %s", rateText(r.Rate), countText(r.Total), trendText(r.Trend[:]), inert.String(r.Name))
		lines = append(lines, Line{{text, v.rowStyle(r, i == selected)}}.fit(columns))
	}
	return lines
}

func (v *View) rowStyle(r *Row, selected bool) Style {
	switch {
	case selected:
		return Selected
	case r.Rate == 0 && v.totals.Elapsed > 0:
		return Faint
	case v.table == Verdicts && strings.Contains(r.Name, "allow"):
		return Good
	default:
		return Plain
	}
}

// nothing says why there are no rows.
func (v *View) nothing() string {
	if v.filter != "" {
		return "No name contains that. Esc shows all."
	}
	if v.silent != "" && v.table != Verdicts && v.table != Losses {
		return inert.String(v.silent)
	}
	return [tables]string{
		Reasons:   "Nothing was dropped yet.",
		Functions: "Nothing was dropped yet by a function that is known.",
		Devices:   "Nothing was dropped yet on a network interface.",
		Talkers:   "Nothing was dropped yet.",
		Verdicts:  "No policy verdicts yet.",
		Losses:    "No events are missing.",
	}[v.table]
}

// renderPackets returns the last packets of the row that is selected.
func (v *View) renderPackets(columns, room int) []Line {
	lines := []Line{{}, {{inert.String(v.selected), Strong}}}
	if v.meaning != "" {
		for _, text := range fold.Line(v.meaning, columns, indent) {
			lines = append(lines, Line{{text, Plain}})
		}
	}
	lines = append(lines, Line{})
	v.height = max(room-len(lines), 1)
	if len(v.packets) == 0 {
		return append(lines, Line{{"  No packet of it is kept any more.", Faint}})
	}
	first := max(v.packet-v.height+1, 0)
	formatter := v.formatter(format.LevelDefault, columns-len("15:04:05.000 "))
	for i := first; i < len(v.packets) && i-first < v.height; i++ {
		p := &v.packets[i]
		text, _, _ := strings.Cut(string(v.model.Print(p, formatter)), "\n")
		style := Plain
		if i == v.packet {
			style = Selected
		}
		lines = append(lines, Line{{p.At.Format("15:04:05.000 ") + text, style}}.fit(columns))
	}
	return lines
}

// renderPacket returns all of the packet that is selected.
func (v *View) renderPacket(columns, room int) []Line {
	p := &v.packets[min(v.packet, len(v.packets)-1)]
	var all []Line
	text := string(v.model.Print(p, v.formatter(format.LevelVerbose, columns)))
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.Trim(line, "-") == "" {
			continue // what separates packets
		}
		for i, part := range fold.Line(strings.ReplaceAll(line, "\t", "  "), columns, indent) {
			style := Plain
			if len(all) == 0 && i == 0 {
				style = Strong
			}
			all = append(all, Line{{part, style}})
		}
	}
	lines := []Line{justify(Line{{inert.String(v.selected), Strong}}, Line{{p.At.Format("15:04:05.000"), Faint}}, columns), {}}
	v.height = max(room-len(lines), 1)
	v.scroll = max(min(v.scroll, len(all)-v.height), 0)
	return append(lines, all[v.scroll:min(v.scroll+v.height, len(all))]...)
}

func renderHelp(columns int) []Line {
	lines := []Line{{}}
	for _, k := range []struct{ keys, what string }{
		{"1 to 6, tab", "another table"},
		{"up, down, page up, page down", "select a row; also j, k, g, G"},
		{"enter", "last packets of the row, and then all of one"},
		{"esc", "back; without a filter again"},
		{"space", "freeze, and go on"},
		{"s", "sort by rate, total, when it was last seen, name"},
		{"/", "only names that contain a text"},
		{"n, p", "of a packet: the next, the previous one"},
		{"x", "of a packet: its bytes instead of its layers"},
		{"q, ctrl-c", "quit"},
	} {
		lines = append(lines, Line{{fmt.Sprintf("  %-30s", k.keys), Strong}, {k.what, Plain}})
	}
	text := fmt.Sprintf("  /s is the mean of the last %d seconds, of a recording that of all of it. Of each reason and verdict the last "+
		"%d packets are kept.", rateSeconds, keptPackets)
	lines = append(lines, Line{})
	for _, part := range fold.Line(text, columns, indent) {
		lines = append(lines, Line{{part, Faint}})
	}
	return lines
}
