// SPDX-License-Identifier: Apache-2.0

package interest

import (
	"slices"

	"github.com/cilium/monitor/api"
)

// Union returns the interest, as from Normal, in all that any of the given ones, at least one, is in. It can be in more:
// what one wants of some message types and another one of others is wanted of all of them.
func Union(all ...Interest) Interest {
	var u Interest
	everyType, everyReason, everyPacket := false, false, false
	for _, i := range all {
		everyType = everyType || len(i.Types) == 0
		everyReason = everyReason || len(i.DropReasons) == 0 && i.WantsType(api.MessageTypeDrop)
		everyPacket = everyPacket || len(i.Packets) == 0 && slices.ContainsFunc(packetTypes, i.WantsType)
		u.Types = append(u.Types, i.Types...)
		u.DropReasons = append(u.DropReasons, i.DropReasons...)
		u.Packets = append(u.Packets, i.Packets...)
	}
	if everyType {
		u.Types = nil
	}
	if everyReason {
		u.DropReasons = nil
	}
	if everyPacket {
		u.Packets = nil
	}
	return u.Normal()
}
