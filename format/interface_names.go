// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net"
	"strconv"
	"time"
)

// interfacesMaxAge is how long a rename of an interface can go unnoticed.
const interfacesMaxAge = time.Second

// maxGoneInterfaces bounds how many interfaces that are gone keep their names.
const maxGoneInterfaces = 1024

// InterfaceNames has the names of this host's network interfaces. It asks the kernel
// for all of them when an unknown index comes, and again if they are older than a
// second when one is asked for: so new, renamed and deleted interfaces have the right
// name without a goroutine that watches them. One that is gone keeps its name, since
// events of it can still be on their way. Not safe for concurrent use.
type InterfaceNames struct {
	list  func() ([]net.Interface, error)
	since func(time.Time) time.Duration

	names map[uint32]string
	read  time.Time // when names was read
}

// NewInterfaceNames returns the names of this host's interfaces.
func NewInterfaceNames() *InterfaceNames {
	return &InterfaceNames{list: net.Interfaces, since: time.Since}
}

// Name returns the name of the interface with that index, the index in decimal if there
// is none.
func (n *InterfaceNames) Name(ifindex uint32) string {
	name, ok := n.names[ifindex]
	if !ok || n.since(n.read) > interfacesMaxAge {
		n.refresh()
		if name, ok = n.names[ifindex]; !ok {
			// Until the next refresh, it costs nothing to ask for it again.
			name = strconv.FormatUint(uint64(ifindex), 10)
			n.names[ifindex] = name
		}
	}
	return name
}

// refresh asks the kernel. If that fails, the names stay what they are: a number or an
// old name in a line is better than no line.
func (n *InterfaceNames) refresh() {
	interfaces, err := n.list()
	n.read = time.Now()
	if n.names == nil || err == nil && len(n.names) > len(interfaces)+maxGoneInterfaces {
		n.names = make(map[uint32]string, len(interfaces))
	}
	for _, i := range interfaces {
		n.names[uint32(i.Index)] = i.Name
	}
}
