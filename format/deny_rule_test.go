// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestDenyRule follows a stream of events as a client in another process gets it.
func TestDenyRule(t *testing.T) {
	ev := format.NewEvent(nil)
	decode := func(cpu int, pl *payload.Payload) *format.Event {
		pl.CPU = cpu
		ev.Decode(pl)
		return ev
	}
	is := func(number int, text string) {
		t.Helper()
		n, rule := ev.DenyRule()
		require.Equal(t, number, n)
		require.Equal(t, text, rule)
	}
	told := func(rules ...string) *payload.Payload {
		n, err := api.DenyRulesNotice(rules).ToJSON()
		require.NoError(t, err)
		return agent(n.Type, n.Text)
	}
	of := func(hash, cookie uint32) *payload.Payload {
		return verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Source, n.Hash, n.Cookie = 0, hash, cookie })
	}
	dropped := func(hash uint32) *payload.Payload {
		return drop(synPacket, func(n *api.DropNotify) { n.Hash = hash })
	}

	decode(0, of(1, 1))
	is(0, "")
	decode(0, dropped(1))
	is(0, "")
	require.False(t, ev.TellsDenyRules())

	require.True(t, decode(0, told("udp/9999", "icmp@fd00::/64")).TellsDenyRules())
	is(0, "")
	require.False(t, decode(0, trace(synPacket)).TellsDenyRules())
	for _, cpu := range []int{0, 5, 8191} {
		decode(cpu, of(1, 2))
		is(2, "icmp@fd00::/64")
	}
	decode(3, dropped(1))
	is(0, "")
	decode(5, trace(synPacket, func(n *api.TraceNotify) { n.Hash = 1 }))
	is(0, "")
	decode(5, dropped(1))
	is(2, "icmp@fd00::/64")
	decode(5, dropped(1)) // for a reason of its own
	is(0, "")
	decode(0, of(1, 1))
	decode(0, dropped(2)) // the drop was lost, and the next verdict
	is(0, "")
	decode(8191, dropped(1))
	is(2, "icmp@fd00::/64")

	for name, other := range map[string]*payload.Payload{
		"no rule":      of(1, 0),
		"no such rule": of(1, 3),
		"allowed":      verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Source, n.Verdict, n.Cookie = 0, 0, 1 }),
		"of Cilium's":  verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Source, n.Cookie = 12, 1 }),
	} {
		t.Run(name, func(t *testing.T) {
			decode(0, of(0x1234abcd, 1))
			decode(0, other)
			is(0, "")
			decode(0, dropped(0x1234abcd))
			is(0, "")
		})
	}
	for _, cpu := range []int{-1, math.MinInt, math.MaxInt, 8192} {
		decode(cpu, of(1, 1))
		decode(cpu, dropped(1))
		is(0, "")
	}

	decode(0, of(1, 2))
	decode(0, told("tcp")) // connected to another agent
	decode(0, dropped(1))
	is(0, "")
	decode(0, of(1, 2))
	is(0, "")
	decode(0, of(1, 1))
	is(1, "tcp")
	ev.ForgetDenyRules() // connected to one that has none
	decode(0, of(1, 1))
	is(0, "")
	decode(0, told("tcp"))
	decode(0, of(1, 1))
	ev.ForgetDenyRules()
	decode(0, dropped(1))
	is(0, "")

	lines := print(format.Options{}, told("udp/9999"), of(1, 1), dropped(1))
	require.Equal(t, 2, strings.Count(lines, ", rule udp/9999\n"), lines)
	lines = print(format.Options{Output: format.OutputJSON}, told("udp/9999"), of(1, 1), dropped(1))
	require.Contains(t, lines, `"cookie":1,"rule":"udp/9999"`)
	require.Contains(t, lines, `"interface":"eth0","rule":"udp/9999"`)
}
