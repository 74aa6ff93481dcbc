// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	monitorclient "github.com/cilium/monitor/client"
	"github.com/cilium/monitor/interest"
)

// datagram is a trace of a UDP datagram to a port, to or from 10.0.0.2.
func datagram(port uint16) string {
	packet := []byte{
		12: 0x08, 0x00, // Ethernet
		0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0xff, 0xff, byte(port >> 8), byte(port), 0, 8, 0, 0,
	}
	n := api.TraceNotify{Type: api.MessageTypeTrace, Version: 1, OrigLen: uint32(len(packet)), CapLen: uint16(len(packet))}
	return string(append(n.Append(nil), packet...))
}

func portRule(port uint16) []session.PacketRule {
	return []session.PacketRule{{Ports: []session.PortRange{{First: port, Last: port}}}}
}

// TestSessionPackets has clients and a consumer that want packets, beside one that wants everything.
func TestSessionPackets(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(api.MessageTypeTrace), 1<<20))
	serveSessions(t, g.fixture)
	all := ask(t, g.fixture, &session.Request{})
	dns := ask(t, g.fixture, &session.Request{Packets: portRule(53)})
	require.True(t, dns.Greeting().Applies.Packets)
	consumer := &picky{wants: interest.Interest{Packets: portRule(80)}}
	g.RegisterNewConsumer(consumer)

	events := []string{datagram(53), datagram(80), "x", datagram(443), datagram(53), datagram(80)}
	require.True(t, g.src.write(events...))
	require.Equal(t, events, texts(t, all, len(events)))
	require.Equal(t, []string{datagram(53), "x", datagram(53)}, texts(t, dns, 3))
	require.NoError(t, g.Flush(t.Context()))
	require.Equal(t, []string{datagram(80), "x", datagram(80)}, consumer.all())

	last := ask(t, g.fixture, &session.Request{Packets: portRule(53), From: session.From{Last: 1}, HistoryOnly: true})
	require.True(t, last.Greeting().Applies.From)
	require.Equal(t, []string{datagram(53)}, texts(t, last, 1))
	require.Equal(t, "packets of port 80", g.Stats().Consumers[0].Wants)
}

// TestSessionTooManyPackets asks for more packets than events are held against: all of them come, as the agent says. Ports are no matter.
func TestSessionTooManyPackets(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(api.MessageTypeTrace), 1<<20))
	serveSessions(t, g.fixture, agent.WithMaxClients(100))
	networks := func(first, n byte) session.Request {
		var rule session.PacketRule
		for i := range n {
			rule.CIDRs = append(rule.CIDRs, netip.PrefixFrom(netip.AddrFrom4([4]byte{1, first + i, 0, 0}), 16))
		}
		return session.Request{From: session.From{Last: 1}, Packets: []session.PacketRule{rule}}
	}
	applies := func(request session.Request) session.Applies {
		return ask(t, g.fixture, &request).Greeting().Applies
	}
	require.False(t, applies(networks(0, 17)).Packets, "one user has 16")
	first := networks(0, 10)
	leaves := ask(t, g.fixture, &first)
	require.True(t, leaves.Greeting().Applies.Packets)
	require.True(t, applies(networks(10, 6)).Packets)
	require.True(t, applies(networks(10, 6)).Packets, "what is wanted already costs nothing")
	require.False(t, applies(networks(16, 1)).Packets)
	require.False(t, applies(networks(16, 1)).From)
	c := ask(t, g.fixture, &session.Request{Packets: networks(16, 1).Packets})
	require.True(t, g.src.write(datagram(1)))
	require.Equal(t, []string{datagram(1)}, texts(t, c, 1))

	ranges := session.PacketRule{Ports: []session.PortRange{{First: 0, Last: 80}}}
	require.False(t, applies(session.Request{Packets: []session.PacketRule{ranges}}).Packets)
	for port := range uint16(70) {
		require.True(t, applies(session.Request{Packets: portRule(port)}).Packets, "port %d", port)
	}
	require.NoError(t, leaves.Close())
	eventually(t, func() bool { return applies(networks(16, 10)).Packets }, "there is room again")
	require.False(t, applies(networks(26, 1)).Packets)
}

// TestSharedInterests has more clients and streams of different interests than there are classes for, and than they leave
// to consumers: each gets what it wants, and nothing else.
func TestSharedInterests(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture)
	src := &selectiveSource{}
	require.NoError(t, g.AttachSource("selective", src))
	var clients []*monitorclient.Client
	for i := range 60 {
		clients = append(clients, ask(t, g.fixture, &session.Request{Types: []int{140 + i}}))
	}
	stream, err := g.SubscribeEvents(t.Context(), "shares", agent.StreamOptions{Interest: interest.Types(140 + 60)})
	require.NoError(t, err)
	for i := range uint8(16) {
		g.RegisterNewConsumer(&picky{wants: interest.Types(140 + 61 + i)})
	}
	require.Empty(t, g.errors("Ignoring a consumer"))
	require.False(t, src.last().Has(1), "nobody wants it")
	for i := range uint8(60 + 1 + 16) {
		require.True(t, src.last().Has(140+i))
	}

	event := func(i int) string { return string([]byte{byte(140 + i), 'x'}) }
	for i := range 60 + 1 + 16 {
		require.True(t, g.src.write(event(i)))
	}
	require.True(t, g.src.lose(3))
	for i, c := range clients {
		require.Equal(t, []string{event(i), "lost 3 kernel"}, texts(t, c, 2))
	}
	for e := range stream {
		require.Equal(t, event(60), string(e.Data))
		break
	}
	for _, c := range g.Stats().Clients {
		require.EqualValues(t, 1+3, c.Delivered, c.Wants)
	}

	g.src.fail(errors.New("not today"))
	require.Contains(t, fmt.Sprint(texts(t, clients[59], 1)), "not today", "what the agent says comes in any case")
	for _, c := range clients {
		require.NoError(t, c.Close())
	}
	eventually(t, func() bool { return !src.last().Has(140 + 59) }, "they are gone")
}
