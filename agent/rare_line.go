// SPDX-License-Identifier: Apache-2.0

package agent

import "time"

// logInterval is the least time between log lines on what may happen all the time.
const logInterval = time.Minute

// rareLine keeps a line of the log rare.
type rareLine struct {
	last    time.Time
	skipped int
}

// next tells whether the line is due, and how often it was not since it was the last time.
func (r *rareLine) next(now time.Time) (skipped int, due bool) {
	if !r.last.IsZero() && now.Sub(r.last) < logInterval {
		r.skipped++
		return 0, false
	}
	skipped, r.skipped, r.last = r.skipped, 0, now
	return skipped, true
}
