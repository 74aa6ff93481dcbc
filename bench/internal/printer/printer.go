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

// Ours returns a printer of this project that writes to w.
func Ours(w io.Writer, opts format.Options) Printer {
	f := format.New(opts)
	ev := format.NewEvent(interfaceName)
	var buf []byte
	return func(pl *payload.Payload) {
		ev.Decode(pl)
		buf = f.Append(buf[:0], ev)
		w.Write(buf)
	}
}

// Cilium returns a printer that prints with Cilium's formatter and the same level, and JSON for
// format.OutputJSON.
func Cilium(w io.Writer, opts format.Options) Printer {
	verbosity := map[format.Level]ciliumapi.Verbosity{
		format.LevelDefault: ciliumapi.INFO, format.LevelDebug: ciliumapi.DEBUG, format.LevelVerbose: ciliumapi.VERBOSE,
	}[opts.Level]
	json := opts.Output == format.OutputJSON
	if json {
		verbosity = ciliumapi.JSON
	}
	f := ciliumformat.NewMonitorFormatter(verbosity, interfaces{}, w)
	f.JSONOutput, f.Hex, f.Numeric = json, opts.Hex, opts.Numeric
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
