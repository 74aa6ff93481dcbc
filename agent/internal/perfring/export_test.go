// SPDX-License-Identifier: Apache-2.0

package perfring

// WakesUp tells whether the next sample of a ring, which has been read, wakes the reader up, and whether that
// is certain.
func (r *Ring) WakesUp() (wakes, certain bool) {
	r.count.passed(r.tail)
	r.count.fold()
	return wakeups(r.count.low, 1, r.event) > 0, r.count.low == r.count.high
}
