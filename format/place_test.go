// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestInterfaceOfVerdict finds a verdict by its interface, if it says one.
func TestInterfaceOfVerdict(t *testing.T) {
	f, err := format.ParseFilter([]string{"--interface", "eth0", "--verdict", "deny"})
	require.NoError(t, err)
	ev := format.NewEvent(interfaceName)
	for ifindex, match := range map[uint32]bool{0: false, 2: true, 3: false} {
		ev.Decode(verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Ifindex = ifindex }))
		require.Equal(t, match, f.Match(ev), ifindex)
	}
}

// TestVLANs has the VLANs that a packet is in where it was seen in the line and in JSON of all events with packets.
func TestVLANs(t *testing.T) {
	tagged, stacked := ethernet(0x8100, vlan(0xe000|5, etherIPv4, synPacket[14:])), ethernet(0x88a8, vlan(200, 0x8100, vlan(100, etherIPv4, synPacket[14:])))
	inTunnel := ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", udp(40000, 8472, append([]byte{8, 0, 0, 0, 0, 0, 42, 0}, tagged...))))
	for name, event := range map[string]func(packet []byte) *payload.Payload{
		"drop":           func(packet []byte) *payload.Payload { return drop(packet) },
		"trace":          func(packet []byte) *payload.Payload { return trace(packet) },
		"policy-verdict": func(packet []byte) *payload.Payload { return verdict(packet) },
		"kernel-drop":    func(packet []byte) *payload.Payload { return kernelDrop(packet) },
		"capture":        func(packet []byte) *payload.Payload { return capture(api.CaptureDelivery, 2, packet) },
	} {
		for _, c := range []struct {
			packet []byte
			line   string
			ids    []int
		}{
			{synPacket, "", nil},
			{tagged, " vlan 5", []int{5}},
			{tagged[:15], "", nil},
			{stacked, " vlan 200.100", []int{200, 100}},
			{inTunnel, "", nil},
			{nil, "", nil},
		} {
			line := print(format.Options{}, event(c.packet))
			require.Equal(t, c.line != "", strings.Contains(line, "vlan"), "%s: %s", name, line)
			require.Contains(t, line+"\n", c.line, name)
			var got struct {
				Type string
				VLAN []int
			}
			require.NoError(t, json.Unmarshal([]byte(print(format.Options{Output: format.OutputJSON}, event(c.packet))), &got))
			require.Equal(t, name, got.Type)
			require.Equal(t, c.ids, got.VLAN, "%s: %s", name, line)
		}
	}
}
