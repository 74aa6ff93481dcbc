// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/internal/inert"
)

// registeredNames are the names of a recording that this program uses: each section of it brings its own.
type registeredNames struct {
	node       string
	unregister func() // nil: there are none
}

// use takes the names of a header in place of those before, and tells whose they are.
func (r *registeredNames) use(h *recording.Header, report io.Writer) {
	if r.unregister != nil {
		r.unregister()
	}
	var err error
	if r.unregister, err = h.Register(); err != nil {
		fmt.Fprintf(report, "Some names of the recording can't be used: %s\n", oneLine(err))
	}
	if h.Node != r.node {
		r.node = h.Node
		fmt.Fprintf(report, "Recorded on %s from %s on\n", inert.String(h.Node), h.Begun.Local().Format("2006-01-02 15:04:05 -0700"))
	}
}
