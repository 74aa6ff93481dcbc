// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// nameTable has names by number: those that are built in, and those that are registered
// over them. Readers take no lock, since each change makes a new copy of the names.
type nameTable struct {
	what    string // what has the names, for errors
	unique  bool   // no two numbers have the same name
	builtin []string
	names   atomic.Pointer[names]

	mu   sync.Mutex // guards what follows, and changes of names
	uses [len(names{})]int
}

type names [math.MaxUint8 + 1]string

func newNameTable(what string, unique bool, builtin []string) *nameTable {
	t := &nameTable{what: what, unique: unique, builtin: builtin}
	var all names
	copy(all[:], builtin)
	t.names.Store(&all)
	return t
}

// all returns the names at this time. "" is of a number that has none.
func (t *nameTable) all() *names { return t.names.Load() }

// each yields each number that has a name, ascending.
func (t *nameTable) each(yield func(uint8, string) bool) {
	for number, name := range t.all() {
		if name != "" && !yield(uint8(number), name) {
			return
		}
	}
}

// register gives a number a name until unregister is called. It takes the place of the name
// that is built in. The same registration may be made several times; it is in force until
// each of them has ended.
func (t *nameTable) register(number uint8, name string) (unregister func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.all()
	if t.uses[number] > 0 && now[number] != name {
		return nil, fmt.Errorf("register %s %d as %q: %w as %q", t.what, number, name, ErrRegistered, now[number])
	}
	if t.unique {
		for other, taken := range now {
			if taken == name && other != int(number) {
				return nil, fmt.Errorf("register %s %d as %q: %w for %d", t.what, number, name, ErrRegistered, other)
			}
		}
	}
	t.uses[number]++
	t.setLocked(number, name)
	return sync.OnceFunc(func() { t.unregister(number) }), nil
}

func (t *nameTable) unregister(number uint8) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.uses[number]--; t.uses[number] > 0 {
		return
	}
	name := ""
	if int(number) < len(t.builtin) {
		name = t.builtin[number]
	}
	t.setLocked(number, name)
}

func (t *nameTable) setLocked(number uint8, name string) {
	next := *t.all()
	next[number] = name
	t.names.Store(&next)
}

// checkText returns an error for a text that would not print as it is, on one line.
func checkText(text string) error {
	if text == "" || strings.TrimSpace(text) != text {
		return fmt.Errorf("%q is empty, or begins or ends with a space", text)
	}
	for _, r := range text {
		if !strconv.IsPrint(r) || r == '\ufffd' {
			return fmt.Errorf("%q has a character that cannot be printed", text)
		}
	}
	return nil
}

// nameOf returns names[n], or "unknown(N)" where that has no name.
func nameOf(names []string, n uint8) string {
	if int(n) < len(names) && names[n] != "" {
		return names[n]
	}
	return unknown(int(n))
}

func unknown(n int) string {
	return "unknown(" + strconv.Itoa(n) + ")"
}
