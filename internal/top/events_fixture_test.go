// SPDX-License-Identifier: Apache-2.0

package top_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/top"
)

// began is when all tests begin.
var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func second(n int) time.Time { return began.Add(time.Duration(n) * time.Second) }

// feed gives a model events.
type feed struct {
	t     *testing.T
	model *top.Model
	event *format.Event
}

func newFeed(t *testing.T, recorded bool) *feed {
	names := format.NewInterfaceNames(func() ([]format.Interface, error) {
		return []format.Interface{{Index: 2, Name: "eth0"}, {Index: 3, Name: "veth-a"}}, nil
	})
	f := &feed{t: t, model: top.New(began, recorded), event: format.NewEvent(nil)}
	f.event.SetInterfaces(names)
	f.model.SetInterfaces(names)
	return f
}

func (f *feed) add(pl *payload.Payload, at time.Time) {
	f.event.Decode(pl)
	f.model.Add(f.event, pl, at)
}

// drop adds n drops of a datagram.
func (f *feed) drop(n int, reason uint8, src, dst string, port int, ifindex uint32, at time.Time) {
	packet := datagram(f.t, src, dst, port)
	drop := api.DropNotify{
		Type: api.MessageTypeDrop, SubType: reason, OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
		Version: 3, File: 2, Line: 40 + uint16(reason%10), Ifindex: ifindex,
	}
	for range n {
		f.add(&payload.Payload{Type: payload.EventSample, Data: append(drop.Append(nil), packet...)}, at)
	}
}

// verdict adds a policy verdict.
func (f *feed) verdict(verdict int32, at time.Time) {
	packet := datagram(f.t, "10.0.0.1", "10.0.0.2", 53)
	v := api.PolicyVerdictNotify{
		Type: api.MessageTypePolicyVerdict, OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
		Verdict: verdict, DstPort: 53, Proto: 17, Flags: api.PolicyIngress,
	}
	f.add(&payload.Payload{Type: payload.EventSample, Data: append(v.Append(nil), packet...)}, at)
}

func (f *feed) lost(n uint64, cpu int, at time.Time) {
	f.add(&payload.Payload{Type: payload.RecordLost, CPU: cpu, Lost: n}, at)
}

func datagram(t *testing.T, src, dst string, port int) []byte {
	ip := layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
	udp := layers.UDP{SrcPort: 40000, DstPort: layers.UDPPort(port)}
	require.NoError(t, udp.SetNetworkLayerForChecksum(&ip))
	buffer := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{
			SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2},
			EthernetType: layers.EthernetTypeIPv4,
		}, &ip, &udp, gopacket.Payload("hi")))
	return buffer.Bytes()
}

// screen is what somebody sees at 80x24, without spaces at the ends of lines.
func screen(v *top.View) string { return screenOf(v, 80, 24) }

func screenOf(v *top.View, columns, rows int) string {
	var b strings.Builder
	for _, line := range v.Render(columns, rows) {
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// press presses keys: characters, and what stands for the others.
func press(v *top.View, now time.Time, keys ...any) {
	for _, key := range keys {
		switch key := key.(type) {
		case string:
			for _, r := range key {
				v.Press(top.Key(r), now)
			}
		case top.Key:
			v.Press(key, now)
		}
	}
}
