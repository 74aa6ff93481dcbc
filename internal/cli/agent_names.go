// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/cilium/monitor/api/recording"
)

// agentNames are the names of an agent for message types, drop reasons and source files, which this program uses while it is
// connected to that.
type agentNames struct {
	unregister func() // nil: there are none
	reported   string // what was wrong with them
}

// use takes names in place of those before, and tells what is wrong with them.
func (n *agentNames) use(names *recording.Names, messages io.Writer) {
	n.end()
	var err error
	n.unregister, err = names.Register()
	if err == nil {
		return
	}
	if text := oneLine(err); text != n.reported {
		n.reported = text
		fmt.Fprintf(messages, "Some names of the agent can't be used: %s\n", text)
	}
}

// end ends their use.
func (n *agentNames) end() {
	if n.unregister != nil {
		n.unregister()
		n.unregister = nil
	}
}
