// SPDX-License-Identifier: Apache-2.0

// Package printer has the formatters of this project and of Cilium behind one shape.
package printer

import (
	"io"
	"strconv"

	ciliumapi "github.com/cilium/cilium/pkg/monitor/api"
	ciliumformat "github.com/cilium/cilium/pkg/monitor/format"
	ciliumpayload "github.com/cilium/cilium/pkg/monitor/payload"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// Printer prints a payload.
type Printer func(*payload.Payload)

// Ours returns a printer of this project that writes to w: on one line, or, with json,
// as JSON.
func Ours(w io.Writer, json bool) Printer {
	f := format.New(format.Options{JSON: json})
	ev := format.NewEvent(interfaceName)
	var buf []byte
	return func(pl *payload.Payload) {
		ev.Decode(pl)
		buf = f.Append(buf[:0], ev)
		w.Write(buf)
	}
}

// Cilium returns a printer that prints the same with Cilium's formatter.
func Cilium(w io.Writer, json bool) Printer {
	verbosity := ciliumapi.INFO
	if json {
		verbosity = ciliumapi.JSON
	}
	f := ciliumformat.NewMonitorFormatter(verbosity, interfaces{}, w)
	f.JSONOutput = json
	return func(pl *payload.Payload) { f.FormatEvent((*ciliumpayload.Payload)(pl)) }
}

// interfaceName returns the name of a network interface: neither printer asks the host.
func interfaceName(ifindex uint32) string {
	if ifindex == 2 {
		return "eth0"
	}
	return strconv.FormatUint(uint64(ifindex), 10)
}

// interfaces is interfaceName as Cilium asks for it.
type interfaces struct{}

func (interfaces) Name(ifindex uint32) string { return interfaceName(ifindex) }

func (interfaces) GetIfNameCached(ifindex int) (string, bool) {
	return interfaceName(uint32(ifindex)), true
}
