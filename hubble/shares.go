// SPDX-License-Identifier: Apache-2.0

package hubble

// greed is how many times as many places as are left a client may have.
const greed = 3

// shares are places for clients. One gets another place while it has less than greed times as many as are left: alone it can have
// three quarters of all, two can have three sevenths each, and whoever comes then finds places left. The zero value has no
// places.
type shares struct {
	left int
	held map[client]int
}

func newShares(places int) shares { return shares{left: places, held: map[client]int{}} }

// mayTake tells whether a client may have another place.
func (s *shares) mayTake(c client) bool { return s.held[c] < greed*s.left }

func (s *shares) take(c client) {
	s.left--
	s.held[c]++
}

func (s *shares) giveBack(c client) {
	s.left++
	if s.held[c]--; s.held[c] == 0 {
		delete(s.held, c)
	}
}
