// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"

	"github.com/cilium/monitor/api/session"
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

// orOf takes the names that the agent tells, where this user may not look for them.
func (i *watchedInterfaces) orOf(d *session.Dictionary, event *format.Event) {
	i.node = cmp.Or(i.node, d.Node)
	if i.list != nil || len(d.Interfaces) == 0 {
		return
	}
	i.list = func() (interfaces []format.Interface, err error) {
		for index, name := range d.Interfaces {
			interfaces = append(interfaces, format.Interface{Index: index, Name: name, AltNames: d.AlternativeNames[index]})
		}
		return interfaces, nil
	}
	i.names = format.NewInterfaceNames(i.list)
	event.SetInterfaces(i.names)
}

// report tells, unless it has, that there are no names, or not those that the filter asks for where they are.
func (i *watchedInterfaces) report(messages io.Writer, filter *format.Filter, where string) {
	var text strings.Builder
	if i.list == nil {
		fmt.Fprintf(&text, "Network interfaces are shown and found by number only: %s\n", i.reason)
	} else {
		reportMissing(&text, filter, i.names.Now(), where, " now")
	}
	if text.String() != i.reported {
		i.reported = text.String()
		io.WriteString(messages, i.reported)
	}
}

// reportMissing tells which interfaces the filter asks for that are not there. If none has a name, they may all
// be there, by their index.
func reportMissing(messages io.Writer, filter *format.Filter, interfaces []format.Interface, where, when string) {
	names := namesOf(interfaces)
	for _, missing := range filter.MissingInterfaces(interfaces) {
		_, err := strconv.Atoi(missing)
		switch {
		case len(names) > 0:
			fmt.Fprintf(messages, "No network interface %s is called %q%s%s\n", where, missing, when, suggest.DidYouMean(missing, names))
		case err != nil:
			fmt.Fprintf(messages, "No network interface %s has a name, so none is %q: use the index\n", where, missing)
		}
	}
}
