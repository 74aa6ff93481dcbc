// SPDX-License-Identifier: Apache-2.0

package pcapng_test

import (
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// Events of each type that has a packet.

func trace(packet []byte, origLen int, change ...func(*api.TraceNotify)) []byte {
	n := api.TraceNotify{
		Type: api.MessageTypeTrace, ObsPoint: api.TraceToNetwork, Version: 1, Ifindex: 2,
		OrigLen: uint32(origLen), CapLen: uint16(len(packet)),
	}
	for _, f := range change {
		f(&n)
	}
	return append(n.Append(nil), packet...)
}

func drop(packet []byte, ifindex uint32) []byte {
	n := api.DropNotify{
		Type: api.MessageTypeDrop, SubType: 133, Version: 2, Ifindex: ifindex,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
	}
	return append(n.Append(nil), packet...)
}

func verdict(packet []byte, flags uint8, change ...func(*api.PolicyVerdictNotify)) []byte {
	n := api.PolicyVerdictNotify{
		Type: api.MessageTypePolicyVerdict, Verdict: -133, Flags: flags,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
	}
	for _, f := range change {
		f(&n)
	}
	return append(n.Append(nil), packet...)
}

func capture(packet []byte) []byte {
	n := api.DebugCapture{
		Type: api.MessageTypeCapture, SubType: api.CaptureDelivery, Arg1: 3,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
	}
	return append(n.Append(nil), packet...)
}

// decode returns the event of a sample. Interface 2 is eth2, and so on.
func decode(sample []byte) *format.Event {
	e := format.NewEvent(func(ifindex uint32) string { return "eth" + strconv.Itoa(int(ifindex)) })
	e.Decode(&payload.Payload{Type: payload.EventSample, Data: sample})
	return e
}

// udp returns an Ethernet frame.
func udp(t *testing.T, dstPort uint16, data []byte) []byte {
	t.Helper()
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP,
		SrcIP: netip.MustParseAddr("10.0.0.1").AsSlice(), DstIP: netip.MustParseAddr("10.0.0.2").AsSlice(),
	}
	header := &layers.UDP{SrcPort: 40000, DstPort: layers.UDPPort(dstPort)}
	require.NoError(t, header.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4},
		ip, header, gopacket.Payload(data)))
	return slices.Clone(buf.Bytes())
}
