// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"

	"github.com/cilium/monitor/agent/source"
)

// pushDownLocked tells all sources that are open what is wanted. The caller holds a.Mutex.
func (a *Agent) pushDownLocked() {
	types := a.demand.typesLocked()
	for _, at := range a.attachments {
		if !at.selective {
			continue
		}
		if err := at.setWantedLocked(types); err != nil {
			a.log.WithError(err).WithField("source", at.name).Error("Events may be missing, or made for nobody")
		}
	}
}

// setWantedLocked tells a source what is wanted. The caller holds Agent.Mutex.
func (at *attachment) setWantedLocked(types source.Types) error {
	src, ok := at.source.(source.Selective)
	if !ok {
		return nil
	}
	selects, err := src.SetWanted(types)
	if err != nil { // it is told again with the next change
		return fmt.Errorf("tell the datapath which events are wanted: %w", err)
	}
	at.selective = selects
	return nil
}
