// SPDX-License-Identifier: Apache-2.0

package cli

import "github.com/cilium/monitor/api/recording"

// namesForRecording returns the names that a recording of the agent needs. What can't be found out
// is left out.
func (i *watchedInterfaces) namesForRecording() recording.Names {
	names := recording.Vocabulary()
	names.Node = i.node
	names.Interfaces, names.AltNames = make(map[uint32]string), make(map[uint32][]string)
	if i.names != nil {
		for _, known := range i.names.Now() {
			names.Interfaces[known.Index] = known.Name
			if len(known.AltNames) > 0 {
				names.AltNames[known.Index] = known.AltNames
			}
		}
	}
	return names
}
