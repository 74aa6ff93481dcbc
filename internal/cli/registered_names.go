// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/inert"
)

// registeredNames are the names of a recording that this program uses: each section of it brings its own.
type registeredNames struct {
	node       string
	begun      time.Time // the section
	interfaces []format.Interface
	unregister func() // nil: there are none
}

// use takes the names of a header in place of those before, and tells whose they are. It returns whether they
// are of another section than before.
func (r *registeredNames) use(h *recording.Header, report io.Writer) (other bool) {
	if r.unregister != nil {
		r.unregister()
	}
	var err error
	if r.unregister, err = h.Register(); err != nil {
		fmt.Fprintf(report, "Some names of the recording can't be used: %s\n", oneLine(err))
	}
	r.interfaces = interfacesNamed(h)
	other = !h.Begun.Equal(r.begun)
	if other && (h.Node != r.node || r.begun.IsZero()) {
		on := ""
		if h.Node != "" {
			on = " on " + inert.String(h.Node)
		}
		fmt.Fprintf(report, "Recorded%s from %s on\n", on, h.Begun.Local().Format("2006-01-02 15:04:05 -0700"))
	}
	r.node, r.begun = h.Node, h.Begun
	return other
}

// interfacesNamed returns the network interfaces that a header has the names of, by their index.
func interfacesNamed(h *recording.Header) (interfaces []format.Interface) {
	for _, index := range slices.Sorted(maps.Keys(h.Interfaces)) {
		interfaces = append(interfaces, format.Interface{Index: index, Name: h.Interfaces[index], AltNames: h.AltNames[index]})
	}
	return interfaces
}
