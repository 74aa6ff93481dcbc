// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"slices"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// wrong returns losses and what cannot be decoded, or not by both sides.
func wrong(t testing.TB) (all []event) {
	tcp4 := packet(t, ether4, ip4(layers.IPProtocolTCP), syn)
	whole := trace("", tcp4, nil).payload.Data
	changed := func(offset int, value byte) []byte {
		data := slices.Clone(whole)
		data[offset] = value
		return data
	}
	return []event{
		{"lost/by the datapath", &payload.Payload{Type: payload.RecordLost, CPU: 12, Lost: 5}},
		{"lost/by the reader", &payload.Payload{Type: payload.RecordLost, CPU: payload.CPULostByReader, Lost: 5}},
		{"unknown/payload type", &payload.Payload{Type: 77, CPU: 1, Lost: 3, Data: []byte{1, 2}}},
		sample("unknown/message type", []byte{200, 1, 2, 255}),
		sample("unknown/message type alone", []byte{6}),
		sample("wrong/no data", nil),
		sample("wrong/cut short", whole[:40]),
		sample("wrong/newer version", changed(14, 9)),
		sample("wrong/extension", changed(15, 7)),
		sample("wrong/packet cut short", whole[:len(whole)-9]),
		sample("wrong/no gob", []byte{api.MessageTypeAgent, 1, 2, 3}),
		sample("wrong/no gob of a record", []byte{api.MessageTypeAccessLog, 1, 2, 3}),
	}
}
