// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"slices"
	"time"
)

// Table is one of the tables.
type Table int

// The tables, in the order in which they are shown.
const (
	Reasons   Table = iota // why packets are dropped
	Functions              // where in the kernel or the datapath
	Devices                // on which network interfaces
	Talkers                // of whom and to whom
	Verdicts               // what policies say
	Losses                 // events that are missing
	tables
)

var tableNames = [tables]string{"Reasons", "Functions", "Devices", "Talkers", "Verdicts", "Losses"}

// String returns the name.
func (t Table) String() string { return tableNames[t] }

const (
	trendSeconds = 20 // that a row has the counts of, the one at hand included
	rateSeconds  = 5  // that are over, of which the rate is
	maxRows      = 2000
)

// Row is what there is of one name in a table.
type Row struct {
	Name  string
	Rate  float64 // a second
	Total uint64
	Trend [trendSeconds]uint64 // of the last seconds, the newest last, which is not over yet
	Last  time.Time
}

// counts are the rows of a table.
type counts struct {
	rows    map[string]*count
	removed uint64 // what was counted in rows that there is no room for any more
}

// count is how often something was seen, in all and in each of the last seconds.
type count struct {
	total   uint64
	seconds [trendSeconds]uint64 // by the time in seconds, modulo
	newest  int64                // of them
	first   time.Time
	last    time.Time
}

func (c *counts) add(name string, n uint64, at time.Time) {
	row := c.rows[name]
	if row == nil {
		if len(c.rows) >= maxRows {
			c.removeOldest()
		}
		row = &count{first: at}
		if c.rows == nil {
			c.rows = make(map[string]*count)
		}
		c.rows[name] = row
	}
	row.add(n, at)
}

// removeOldest makes room by a quarter: what was not seen for the longest time goes.
func (c *counts) removeOldest() {
	names := make([]string, 0, len(c.rows))
	for name := range c.rows {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(c.rows[a].last.Compare(c.rows[b].last), cmp.Compare(a, b))
	})
	for _, name := range names[:len(names)/4] {
		c.removed += c.rows[name].total
		delete(c.rows, name)
	}
}

func (c *count) add(n uint64, at time.Time) {
	second := at.Unix()
	c.forget(second)
	if c.newest-second < trendSeconds { // else it is of a clock that was set back
		c.seconds[index(second)] += n
	}
	c.total += n
	if at.After(c.last) {
		c.last = at
	}
}

// forget makes a second the newest.
func (c *count) forget(second int64) {
	if second-c.newest >= trendSeconds {
		c.seconds = [trendSeconds]uint64{}
		c.newest = second
	}
	for c.newest < second {
		c.newest++
		c.seconds[index(c.newest)] = 0
	}
}

// index is where the count of a second is.
func index(second int64) int {
	return int((second%trendSeconds + trendSeconds) % trendSeconds)
}

// row returns the count as that of a name at a time. The rate is that of the last seconds that are over, or of those since
// began if these are fewer.
func (c *count) row(name string, began, now time.Time) Row {
	second := now.Unix()
	c.forget(second)
	r := Row{Name: name, Total: c.total, Last: c.last}
	for i := range r.Trend {
		r.Trend[i] = c.seconds[index(second-int64(len(r.Trend)-1-i))]
	}
	seconds := min(max(second-began.Unix(), 1), rateSeconds)
	var sum uint64
	for _, n := range r.Trend[trendSeconds-1-seconds : trendSeconds-1] {
		sum += n
	}
	r.Rate = float64(sum) / float64(seconds)
	return r
}
