// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"testing"
)

// difference is what our formatter prints otherwise than Cilium's of some events.
type difference struct {
	events  string            // a pattern of their names, for path.Match
	member  string            // path of the member of the JSON object, a pattern, too
	because string            // why ours is as it is
	still   func(delta) error // what is the same nevertheless, nil for nothing
	found   bool
}

// delta is a member of which two JSON objects do not have the same value; nil is none.
type delta struct {
	member       string
	ours, cilium any
	opposite     any // of a line: what Cilium prints with --hex if it was printed without, and the other way round
}

// differences is a list of all that there are. The first that fits an event and member
// counts.
type differences []*difference

// explain fails the test if the list does not have the difference d of an event.
func (all differences) explain(t *testing.T, event string, d delta) {
	t.Helper()
	err := errors.New("not a known difference")
	for _, known := range all {
		ofEvent, _ := path.Match(known.events, event)
		if ofMember, _ := path.Match(known.member, d.member); ofEvent && ofMember {
			known.found, err = true, nil
			if known.still != nil {
				err = known.still(d)
			}
			break
		}
	}
	if err != nil {
		t.Errorf("%s, %s: %v\nours:   %#v\nCilium: %#v", event, d.member, err, d.ours, d.cilium)
	}
}

// requireFound fails the test if the list has a difference that there was not.
func (all differences) requireFound(t *testing.T) {
	t.Helper()
	for _, known := range all {
		if !known.found {
			t.Errorf("%s, %s: listed as a difference, but there is none", known.events, known.member)
		}
	}
}

var number = regexp.MustCompile(`\b\d+(\.\d+){3}\b|\b\d+\b`)

// sameNumbers returns an error unless Cilium's decimal numbers and IPv4 addresses are
// all in our text.
func sameNumbers(d delta) error {
	ours := number.FindAllString(fmt.Sprint(d.ours), -1)
	for _, n := range number.FindAllString(fmt.Sprint(d.cilium), -1) {
		i := slices.Index(ours, n)
		if i < 0 {
			return fmt.Errorf("%s is not in ours", n)
		}
		ours = slices.Delete(ours, i, i+1)
	}
	return nil
}
