// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"syscall"

	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/suggest"
)

// watchedInterfaces are the network interfaces of the agent that is watched, from one connection to
// the next.
type watchedInterfaces struct {
	agentInterfaces
	names    *format.InterfaceNames
	reported string
}

// of takes the interfaces of the agent that a connection to path is to, and returns their names.
func (i *watchedInterfaces) of(conn syscall.Conn, path string) *format.InterfaceNames {
	i.close()
	i.agentInterfaces = interfacesOf(conn, path)
	i.names = format.NewInterfaceNames(i.list)
	return i.names
}

// report tells, unless it has, that there are no names, or not those that the filter asks for.
func (i *watchedInterfaces) report(messages io.Writer, filter *format.Filter) {
	var text string
	if i.list == nil {
		text = fmt.Sprintf("Network interfaces are shown and found by number only: %s\n", i.reason)
	} else {
		interfaces := i.names.Now()
		var names []string
		for _, known := range interfaces {
			names = append(append(names, known.Name), known.AltNames...)
		}
		for _, missing := range filter.MissingInterfaces(interfaces) {
			text += fmt.Sprintf("No network interface of the agent is called %q now%s\n", missing, suggest.DidYouMean(missing, names))
		}
	}
	if text != i.reported {
		i.reported = text
		io.WriteString(messages, text)
	}
}
