// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"os"

	"github.com/cilium/monitor/api/recording"
)

// hostNames returns the names that a recording of this host's agent needs. What can't be found out
// is left out.
func hostNames() recording.Names {
	names := recording.Vocabulary()
	names.Node, _ = os.Hostname()
	names.Interfaces = make(map[uint32]string)
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		names.Interfaces[uint32(i.Index)] = i.Name
	}
	return names
}
