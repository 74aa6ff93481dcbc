// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// flow and the types below are the JSON that scripts parse.
type flow struct {
	Src string `json:"src"`
	Dst string `json:"dst"`
}

type headers struct {
	Ethernet, IPv4, IPv6, TCP, UDP, SCTP, ICMPv4, ICMPv6, VRRP, IGMP, VXLAN, Geneve string
	L2, L3, L4                                                                      *flow
}

type summary struct {
	headers
	Tunnel *headers
}

type traceJSON struct {
	CPU, Type, Mark, Ifindex, State string
	ObservationPoint                string `json:"observationPoint"`
	TraceSummary                    string `json:"traceSummary"`
	Source                          uint16
	Bytes                           uint32
	SrcLabel                        uint32 `json:"srcLabel"`
	DstLabel                        uint32 `json:"dstLabel"`
	DstID                           uint16 `json:"dstID"`
	IPTraceID                       uint64 `json:"IpTraceID"`
	Summary                         *summary
}

type dropJSON struct {
	CPU, Type, Mark, Reason string
	Source                  uint16
	Bytes                   uint32
	SrcLabel                uint32 `json:"srcLabel"`
	DstLabel                uint32 `json:"dstLabel"`
	DstID                   uint32 `json:"dstID"`
	Line                    uint16 `json:"Line"`
	File                    uint8  `json:"File"`
	ExtError                int8   `json:"ExtError"`
	Ifindex                 uint32 `json:"Ifindex"`
	Interface               string `json:"interface"`
	IPTraceID               uint64 `json:"IPTraceID"`
	Summary                 *summary
}

// decodeJSON decodes one line that must have no other members than v.
func decodeJSON(t *testing.T, line string, v any) {
	t.Helper()
	require.Equal(t, 1, strings.Count(line, "\n"))
	require.True(t, strings.HasSuffix(line, "\n"))
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(v), "%s", line)
}

func TestJSONTrace(t *testing.T) {
	var got traceJSON
	decodeJSON(t, print(format.Options{Output: format.OutputJSON}, trace(vxlanPacket, func(n *api.TraceNotify) {
		n.Flags, n.IPTraceID, n.ObsPoint = api.FlagVXLAN, 99, api.TraceToOverlay
	})), &got)

	inner, outer := got.Summary.headers, *got.Summary.Tunnel
	got.Summary = nil
	require.Equal(t, traceJSON{
		CPU: "CPU 01:", Type: "trace", Mark: "0x1234abcd", Ifindex: "eth0", State: "established",
		ObservationPoint: "to-overlay", TraceSummary: "-> overlay", Source: 12, Bytes: uint32(len(vxlanPacket)),
		SrcLabel: 1, DstLabel: 4711, DstID: 7, IPTraceID: 99,
	}, got)

	require.Equal(t, "Ethernet\t{Contents=[..14..] Payload=[..56..] SrcMAC=02:00:00:00:00:01 DstMAC=02:00:00:00:00:02 EthernetType=IPv4 Length=0}", inner.Ethernet)
	require.True(t, strings.HasPrefix(inner.IPv4, "IPv4\t{"), inner.IPv4)
	require.True(t, strings.HasPrefix(inner.TCP, "TCP\t{"), inner.TCP)
	require.Equal(t, &flow{"02:00:00:00:00:01", "02:00:00:00:00:02"}, inner.L2)
	require.Equal(t, &flow{"10.0.0.1", "10.0.0.2"}, inner.L3)
	require.Equal(t, &flow{"34567", "80"}, inner.L4)
	require.Equal(t, &flow{"192.168.0.1", "192.168.0.2"}, outer.L3)
	require.Equal(t, &flow{"40000", "8472"}, outer.L4)
	require.True(t, strings.HasPrefix(outer.UDP, "UDP\t{"), outer.UDP)
	require.True(t, strings.HasPrefix(outer.VXLAN, "VXLAN\t{"), outer.VXLAN)
}

func TestJSONDrop(t *testing.T) {
	var got dropJSON
	decodeJSON(t, print(format.Options{Output: format.OutputJSON}, drop(tcp6Packet, func(n *api.DropNotify) {
		n.ExtError, n.IPTraceID = -5, 77
	})), &got)

	require.Equal(t, &flow{"fd00::1", "fd00::2"}, got.Summary.L3)
	require.True(t, strings.HasPrefix(got.Summary.IPv6, "IPv6\t{"), got.Summary.IPv6)
	require.Nil(t, got.Summary.Tunnel)
	got.Summary = nil
	require.Equal(t, dropJSON{
		CPU: "CPU 01:", Type: "drop", Mark: "0x1234abcd", Reason: "Policy denied, -5", Source: 12, Bytes: uint32(len(tcp6Packet)),
		SrcLabel: 4711, DstLabel: 2, DstID: 7, Line: 42, File: 2, ExtError: -5, Ifindex: 2, Interface: "eth0", IPTraceID: 77,
	}, got)
}

// TestJSONWithoutPacket checks that there is no summary where there is nothing to say.
func TestJSONWithoutPacket(t *testing.T) {
	for _, packet := range [][]byte{nil, {}} {
		require.NotContains(t, print(format.Options{Output: format.OutputJSON}, drop(packet)), "summary")
		require.NotContains(t, print(format.Options{Output: format.OutputJSON}, drop(packet)), "IPTraceID")
	}
	require.Contains(t, print(format.Options{Output: format.OutputJSON}, drop(tcpPacket[:7])), "cut: 7 of 14 bytes captured")
}

// TestJSONText checks that any text survives being written as JSON.
func TestJSONText(t *testing.T) {
	for _, text := range []string{
		"", "plain", `"quoted" \ and / slashed`, "\n\r\t\b\f\x00\x1b\x7f", "<&>", "é ü 日本", "\u2028\u2029\u202e", "😀 \U000e0001",
	} {
		var got struct{ Type, Subtype, Message string }
		decodeJSON(t, print(format.Options{Output: format.OutputJSON}, agent(api.AgentNotifyGeneric, text)), &got)
		require.Equal(t, text, got.Message)
	}
	var got struct{ Type, Subtype, Message string }
	decodeJSON(t, print(format.Options{Output: format.OutputJSON}, agent(api.AgentNotifyGeneric, "not \xff UTF-8")), &got)
	require.Equal(t, "not \ufffd UTF-8", got.Message)
}

// TestJSONIsValid checks that every event is one valid JSON object on one line.
func TestJSONIsValid(t *testing.T) {
	for _, g := range groups(t) {
		for _, p := range g.payloads {
			line := print(format.Options{Output: format.OutputJSON}, p.payload)
			require.True(t, json.Valid([]byte(line)), "%s: %s", p.name, line)
			require.Equal(t, 1, bytes.Count([]byte(line), []byte("\n")), p.name)
			require.Empty(t, repeatedMember(json.NewDecoder(strings.NewReader(line))), "%s: %s", p.name, line)
		}
	}
	for _, p := range corpus(3000) {
		line := print(format.Options{Output: format.OutputJSON}, kind{packet: p.captured, flags: p.flags}.payload())
		require.Empty(t, repeatedMember(json.NewDecoder(strings.NewReader(line))), line)
	}
}

// repeatedMember returns the name of a member that an object has twice, "" without one.
func repeatedMember(d *json.Decoder) string {
	token, err := d.Token()
	if err != nil {
		return err.Error()
	}
	if token != json.Delim('{') && token != json.Delim('[') {
		return ""
	}
	seen := make(map[string]bool)
	for d.More() {
		if token == json.Delim('{') {
			key, _ := d.Token()
			name, _ := key.(string)
			if seen[name] {
				return name
			}
			seen[name] = true
		}
		if name := repeatedMember(d); name != "" {
			return name
		}
	}
	_, _ = d.Token() // the end
	return ""
}
