// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"strconv"
	"sync"

	"github.com/cilium/monitor/format"
)

// LocalInterfaces knows the interfaces of the process's network namespace.
type LocalInterfaces struct {
	mu    sync.Mutex
	names *format.InterfaceNames // guarded by mu
}

// NewLocalInterfaces returns the interfaces of the process's network namespace. They are asked from the kernel when one is
// asked for that is not known, or for the first time in a second.
func NewLocalInterfaces() *LocalInterfaces {
	return &LocalInterfaces{names: format.NewInterfaceNames(format.Interfaces)}
}

// InterfaceName implements [InterfaceGetter].
func (l *LocalInterfaces) InterfaceName(ifindex uint32) (name string, ok bool) {
	l.mu.Lock()
	name = l.names.Name(ifindex)
	l.mu.Unlock()
	if name == strconv.FormatUint(uint64(ifindex), 10) { // what it is called without a name
		return "", false
	}
	return name, true
}
