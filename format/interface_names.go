// SPDX-License-Identifier: Apache-2.0

package format

import (
	"slices"
	"strconv"
	"time"
)

// interfacesMaxAge is how long a rename of an interface can go unnoticed.
const interfacesMaxAge = time.Second

// maxGoneInterfaces bounds how many interfaces that are gone keep their names.
const maxGoneInterfaces = 1024

// Interface is a network interface.
type Interface struct {
	Index    uint32
	Name     string
	AltNames []string // alternative names, which Linux takes for a name, too
}

// InterfaceNames has the names of network interfaces. It asks for all of them when an
// unknown index comes, and again if they are older than a second when one is asked
// for: so new, renamed and deleted interfaces have the right name without a goroutine
// that watches them. One that is gone keeps its name, since events of it can still be
// on their way. Not safe for concurrent use.
type InterfaceNames struct {
	list  func() ([]Interface, error)
	since func(time.Time) time.Duration

	known map[uint32]Interface
	now   []Interface // those that are not gone
	read  time.Time   // when they were read
}

// NewInterfaceNames returns the names of the interfaces that list returns, such as
// [Interfaces] does. nil is for those of an unknown network namespace, in which each
// index is its own name.
func NewInterfaceNames(list func() ([]Interface, error)) *InterfaceNames {
	if list == nil {
		list = func() ([]Interface, error) { return nil, nil }
	}
	return &InterfaceNames{list: list, since: time.Since}
}

// Name returns the name of the interface with that index, the index in decimal if there
// is none.
func (n *InterfaceNames) Name(ifindex uint32) string { return n.get(ifindex).Name }

// Has reports whether the interface with that index has the name, or has it as an
// alternative one.
func (n *InterfaceNames) Has(ifindex uint32, name string) bool {
	i := n.get(ifindex)
	return i.Name == name || slices.Contains(i.AltNames, name)
}

// Now returns the interfaces that there are now, which it asks for. The slice is valid until the
// next call of a method.
func (n *InterfaceNames) Now() []Interface {
	n.refresh()
	return n.now
}

func (n *InterfaceNames) get(ifindex uint32) Interface {
	i, ok := n.known[ifindex]
	if !ok || n.since(n.read) > interfacesMaxAge {
		n.refresh()
		if i, ok = n.known[ifindex]; !ok {
			// Until the next refresh, it costs nothing to ask for it again.
			i = Interface{Index: ifindex, Name: strconv.FormatUint(uint64(ifindex), 10)}
			n.known[ifindex] = i
		}
	}
	return i
}

// refresh asks for all interfaces. If that fails, the names stay what they are: a number or
// an old name in a line is better than no line.
func (n *InterfaceNames) refresh() {
	interfaces, err := n.list()
	n.read = time.Now()
	if err == nil {
		n.now = interfaces
	}
	if n.known == nil || err == nil && len(n.known) > len(interfaces)+maxGoneInterfaces {
		n.known = make(map[uint32]Interface, len(interfaces))
	}
	for _, i := range interfaces {
		n.known[i.Index] = i
	}
}
