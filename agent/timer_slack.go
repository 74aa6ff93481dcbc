// SPDX-License-Identifier: Apache-2.0

package agent

import "golang.org/x/sys/unix"

// timerSlack has sleeps end when they should. The kernel lets each be late by the timer slack of its thread,
// 50 us by default, in case that another timer ends then. A goroutine that kept its thread for
// that would pay for it each time that it yields; so the slack is set for each thread that it comes to, and stays.
type timerSlack struct{ thread int }

// reduce is called before a sleep. Another thread may sleep in spite of it, which is seldom.
func (s *timerSlack) reduce() {
	if thread := unix.Gettid(); thread != s.thread {
		s.thread = thread
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // in ns; it can't fail
	}
}
