// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// transport is a layer of UDP or TCP.
type transport interface {
	gopacket.SerializableLayer
	SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
}

// dropOf is a drop of a packet from an address to 127.0.0.1.
func dropOf(t *testing.T, from string, l4 transport) []byte {
	t.Helper()
	protocol := layers.IPProtocolUDP
	if _, ok := l4.(*layers.TCP); ok {
		protocol = layers.IPProtocolTCP
	}
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Protocol: protocol,
		SrcIP: net.ParseIP(from).To4(), DstIP: net.ParseIP("127.0.0.1").To4(),
	}
	require.NoError(t, l4.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}, ip, l4))
	packet := buf.Bytes()
	sample := &api.DropNotify{
		Type: api.MessageTypeDrop, SubType: 130, Version: 3, OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
	}
	return append(sample.Append(nil), packet...)
}
