// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"

	"github.com/cilium/monitor/api"
)

func ExampleEvent() {
	drop := api.DropNotify{
		Type: api.MessageTypeDrop, SubType: 133, Source: 7, CapLen: 4, Version: 1, SrcLabel: api.IdentityWorld, DstLabel: 4711,
	}
	sample := append(drop.Append(nil), "\x45\x00\x00\x54 and padding"[:8]...)

	var event api.Event // for one sample after the other
	if err := event.Decode(sample); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s: %s, identity %s->%s, packet % x\n", api.MessageTypeName(event.Type),
		api.DropReasonExt(event.Drop.SubType, event.Drop.ExtError), event.Drop.SrcLabel, event.Drop.DstLabel, event.Packet)

	fmt.Println(event.Decode(sample[:20]))
	// Output:
	// drop: Policy denied, identity world->4711, packet 45 00 00 54
	// decode drop sample, version 1: truncated: expected 36 bytes, got 20 bytes
}
