// SPDX-License-Identifier: Apache-2.0

package monitor

import "github.com/cilium/hive/cell"

// HistoryOut is what a constructor returns to have the agent keep a history for those who come later, also if no flag
// asks for one: of all events then. If flags do ask, they say of which message types. The largest size holds. The
// constructor may not take *agent.Agent, which is made after it.
type HistoryOut struct {
	cell.Out

	// Bytes is how many bytes of memory the history may take; 0 asks for none.
	Bytes HistoryBytes `group:"monitor-histories"`
}

// HistoryBytes is the size of a history, in bytes of memory.
type HistoryBytes int
