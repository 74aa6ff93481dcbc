// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"maps"
	"time"
)

// What is done for the requests of one user may take one part in requestShare of the time, and requestBurst at once: whoever
// sends requests without end, for all of the history each time, holds up nobody but those of the same user.
const (
	requestShare = 4
	requestBurst = 100 * time.Millisecond
)

// allowances are the time that requests may take, by user. Users that are not in it have all of theirs.
type allowances map[uint32]allowance

// allowance is how much time was left at a time. It can be less than nothing: what is begun is not interrupted.
type allowance struct {
	left time.Duration
	at   time.Time
}

// leftAt is how much is left later.
func (a allowance) leftAt(now time.Time) time.Duration {
	return min(requestBurst, a.left+now.Sub(a.at)/requestShare)
}

// wait returns how long a user has to wait, 0 if it need not.
func (all allowances) wait(uid uint32, now time.Time) time.Duration {
	a, ok := all[uid]
	if !ok {
		return 0
	}
	return max(0, -a.leftAt(now)*requestShare)
}

// spend takes the time since begun from what a user has.
func (all allowances) spend(uid uint32, begun time.Time) {
	now := time.Now()
	left := requestBurst
	if a, ok := all[uid]; ok {
		left = a.leftAt(now)
	}
	all[uid] = allowance{left - now.Sub(begun), now}
	if len(all) > 1000 {
		maps.DeleteFunc(all, func(_ uint32, a allowance) bool { return a.leftAt(now) == requestBurst })
	}
}
