// SPDX-License-Identifier: Apache-2.0

package ciliumagent_test

import (
	"context"
	"net"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/monitor"
	"github.com/cilium/cilium/pkg/hubble/observer"
	"github.com/cilium/cilium/pkg/hubble/observer/observeroption"
	"github.com/cilium/cilium/pkg/hubble/parser"
	"github.com/cilium/cilium/pkg/hubble/parser/options"
	hubbletest "github.com/cilium/cilium/pkg/hubble/testutils"
	"github.com/cilium/hive/hivetest"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// hubble is Hubble's observer with its own consumer and parser, subscribed to an agent.
type hubble struct{ events chan *v1.Event }

func startHubble(t *testing.T, f *fixture) *hubble {
	t.Helper()
	log := hivetest.Logger(t)
	decoder, err := parser.New(log, &hubbletest.NoopEndpointGetter, &hubbletest.NoopIdentityGetter, &hubbletest.NoopDNSGetter,
		&hubbletest.NoopIPGetter, &hubbletest.NoopServiceGetter, &hubbletest.NoopLinkGetter, &hubbletest.NoopPodMetadataGetter,
		options.WithSkipUnknownCGroupIDs(false))
	require.NoError(t, err)
	h := &hubble{events: make(chan *v1.Event, 1024)}
	server, err := observer.NewLocalServer(decoder, hubbletest.NoopNamespaceManager, log,
		observeroption.WithOnDecodedEventFunc(func(_ context.Context, ev *v1.Event) (bool, error) {
			h.events <- ev
			return false, nil
		}))
	require.NoError(t, err)
	go server.Start()
	consumer := monitor.NewConsumer(server, time.Minute)
	f.RegisterNewConsumer(consumer)
	t.Cleanup(func() {
		f.RemoveConsumer(consumer)
		require.NoError(t, f.ours.Flush(context.Background()))
		close(server.GetEventsChannel())
		<-server.GetStopped()
	})
	return h
}

// next returns the next event that Hubble has decoded.
func (h *hubble) next(t *testing.T) any {
	t.Helper()
	select {
	case ev := <-h.events:
		return ev.Event
	case <-time.After(timeout):
		require.Fail(t, "Hubble has decoded no further event")
		return nil
	}
}

// TestHubbleNotifications has Hubble see the agent notifications of this project's types, and those of its own.
func TestHubbleNotifications(t *testing.T) {
	f := unattached(t)
	h := startHubble(t, f)
	for _, n := range notifications() {
		require.NoError(t, f.ours.SendEvent(api.MessageTypeAgent, n.ours))
		require.NoError(t, f.SendEvent(api.MessageTypeAgent, n.cilium))
		ours, cilium := h.next(t), h.next(t)
		require.Equal(t, cilium, ours, n.name)
		event, ok := ours.(*flowpb.AgentEvent)
		require.True(t, ok)
		unknown := event.GetType() == flowpb.AgentEventType_AGENT_EVENT_UNKNOWN
		require.Equal(t, n.ours.Type == api.AgentNotifyGeneric || n.ours.Type == 99, unknown, n.name)
	}
}

// TestHubbleRecords has Hubble see access log records.
func TestHubbleRecords(t *testing.T) {
	f := unattached(t)
	h := startHubble(t, f)
	var summaries []string
	for _, r := range records() {
		require.NoError(t, f.ours.SendEvent(api.MessageTypeAccessLog, r))
		flow, ok := h.next(t).(*flowpb.Flow)
		require.True(t, ok)
		require.Equal(t, flowpb.FlowType_L7, flow.GetType())
		require.EqualValues(t, r.SourceEndpoint.Identity, flow.GetSource().GetIdentity())
		require.Len(t, flow.GetSource().GetLabels(), len(r.SourceEndpoint.Labels))
		summaries = append(summaries, flow.GetSummary())
	}
	require.Equal(t, []string{
		"HTTP/1.1 GET http://example.com/a",
		"DNS Answer RCode: Non-Existent Domain TTL: 30 (Proxy www.example.com. A)",
		"r2d2 Fields: map[cmd:READ file:x]",
		"kafka Fields: map[APIKey:produce APIVersion:2 CorrelationID:5 ErrorCode:3 Topic:orders]",
	}, summaries)
}

// TestHubbleDatapath has Hubble see each type of the datapath's events, and their losses.
func TestHubbleDatapath(t *testing.T) {
	f := attached(t, 1)
	h := startHubble(t, f)
	packet := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(packet, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}},
		&layers.UDP{SrcPort: 34567, DstPort: 53}))
	size := len(packet.Bytes())
	withPacket := func(header []byte) []byte { return append(header, packet.Bytes()...) }
	for _, sample := range [][]byte{
		withPacket((&api.DropNotify{Type: api.MessageTypeDrop, SubType: 133, OrigLen: uint32(size), CapLen: uint16(size), Version: 3}).Append(nil)),
		withPacket((&api.TraceNotify{Type: api.MessageTypeTrace, OrigLen: uint32(size), CapLen: uint16(size), Version: 2}).Append(nil)),
		withPacket((&api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, OrigLen: uint32(size), CapLen: uint16(size), Version: 1}).Append(nil)),
		withPacket((&api.DebugCapture{Type: api.MessageTypeCapture, SubType: 4, OrigLen: uint32(size), CapLen: uint16(size)}).Append(nil)),
	} {
		require.NoError(t, f.gen.EmitSample(sample, 1))
		flow, ok := h.next(t).(*flowpb.Flow)
		require.True(t, ok)
		require.EqualValues(t, sample[0], flow.GetEventType().GetType())
		require.Equal(t, "10.0.0.1", flow.GetIP().GetSource())
		require.EqualValues(t, 53, flow.GetL4().GetUDP().GetDestinationPort())
	}
	require.NoError(t, f.gen.EmitSample((&api.DebugMsg{Type: api.MessageTypeDebug, SubType: 1}).Append(nil), 1))
	require.IsType(t, &flowpb.DebugEvent{}, h.next(t))
	require.NoError(t, f.gen.EmitSample((&api.TraceSockNotify{Type: api.MessageTypeTraceSock, L4Proto: 2}).Append(nil), 1))
	require.IsType(t, &flowpb.Flow{}, h.next(t))

	// More than there is room for. The kernel tells with the next event how much that was.
	before, err := f.gen.Counters()
	require.NoError(t, err)
	after := before
	for after.NoSpace == 0 {
		require.NoError(t, f.gen.EmitTrace(64))
		after, err = f.gen.Counters()
		require.NoError(t, err)
		for range after.Written - before.Written {
			require.IsType(t, &flowpb.Flow{}, h.next(t))
		}
		before.Written = after.Written
	}
	require.NoError(t, f.gen.EmitTrace(1))
	loss, ok := h.next(t).(*flowpb.LostEvent)
	require.True(t, ok)
	require.Equal(t, flowpb.LostEventSource_PERF_EVENT_RING_BUFFER, loss.GetSource())
	require.Equal(t, after.NoSpace, loss.GetNumEventsLost())
	require.IsType(t, &flowpb.Flow{}, h.next(t))
}
