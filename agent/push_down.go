// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/interest"
)

// pushDownLocked tells all sources that are open what is wanted. The caller holds a.Mutex.
func (a *Agent) pushDownLocked() {
	wanted := a.demand.wantedLocked()
	for _, at := range a.attachments {
		if !at.selective {
			continue
		}
		if err := at.setWantedLocked(&wanted); err != nil {
			a.log.WithError(err).WithField("source", at.name).Error("Events may be missing, or made for nobody")
		}
	}
}

// setWantedLocked tells a source what is wanted. The caller holds Agent.Mutex.
func (at *attachment) setWantedLocked(wanted *source.Wanted) error {
	src, ok := at.source.(source.Selective)
	if !ok {
		return nil
	}
	selects, err := src.SetWanted(wanted)
	at.makesAll, at.untold = nil, nil
	if errors.Is(err, source.ErrNotSelective) {
		selects, at.makesAll = false, err
	} else if err != nil { // it is told again with the next change, or by checkTold
		at.untold = fmt.Errorf("tell the datapath which events are wanted: %w", err)
		return at.untold
	}
	at.selective = selects
	return nil
}

// wantedOf returns what is wanted of sources if that is what subscribers want.
func wantedOf(interests []interest.Interest) (w source.Wanted) {
	var whole source.Types // those of which somebody wants all packets
	for _, i := range interests {
		for n := range 256 {
			switch typ := uint8(n); {
			case !i.WantsType(typ):
				continue
			case i.RefinesPackets(typ):
				w.Types.Add(typ)
				w.Refined.Add(typ)
			default:
				w.Types.Add(typ)
				whole.Add(typ)
			}
		}
		if w.Refined != (source.Types{}) {
			w.Packets = append(w.Packets, i.Packets...)
		}
		if i.WantsType(api.MessageTypeDrop) {
			w.DropReasons.AddAll(i.DropReasons)
		}
	}
	w.Refined = w.Refined.Without(whole)
	if w.Refined == (source.Types{}) {
		w.Packets = nil
	}
	w.Packets = interest.Interest{Packets: w.Packets}.Normal().Packets
	return w
}
