// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestSummaryRates has rates around those from which on they have less digits.
func TestSummaryRates(t *testing.T) {
	for _, c := range []struct {
		events  int
		elapsed time.Duration
		want    string
	}{
		{0, time.Second, "0/s"},
		{1, 201 * time.Second, "<0.01/s"},
		{1, 200 * time.Second, "0.01/s"},
		{1, 10 * time.Second, "0.10/s"},
		{999, 1000 * time.Second, "1.00/s"},
		{1, time.Second, "1.0/s"},
		{99, 10 * time.Second, "9.9/s"},
		{10, time.Second, "10/s"},
		{100, 3 * time.Second, "33/s"},
		{1, time.Nanosecond, "1000000000/s"},
	} {
		var s format.Summary
		s.Elapsed = c.elapsed
		ev := format.NewEvent(interfaceName)
		ev.Decode(agent(api.AgentNotifyStart, "{}"))
		for range c.events {
			s.Count(ev)
		}
		require.Contains(t, string(s.Append(nil)), strconv.Itoa(c.events)+"  "+c.want+"  events in total\n", c.elapsed)
	}
}

// TestSummaryOrder has types and kinds that are equally frequent: the order does not depend on chance.
func TestSummaryOrder(t *testing.T) {
	var s format.Summary
	ev := format.NewEvent(interfaceName)
	for _, pl := range []*payload.Payload{
		trace(synPacket), drop(synPacket), agent(api.AgentNotifyStart, "{}"), agent(api.AgentNotifyGeneric, "{}"),
		drop(synPacket, func(n *api.DropNotify) { n.SubType = 140 }), trace(synPacket, func(n *api.TraceNotify) { n.ObsPoint = api.TraceToStack }),
		drop(synPacket, func(n *api.DropNotify) { n.SubType = 140 }),
	} {
		ev.Decode(pl)
		s.Count(ev)
	}
	want := "3  drop\n" +
		"2    Missed tail call (140)\n" +
		"1    Policy denied (133)\n" +
		"2  trace\n" +
		"1    to-endpoint established\n" +
		"1    to-stack established\n" +
		"2  agent\n" +
		"1    Cilium agent started\n" +
		"1    Message\n" +
		"7  events in total\n"
	for range 20 {
		require.Equal(t, want, string(s.Append(nil)))
		require.Equal(t, "before "+want, string(s.Append([]byte("before "))))
	}
}

// TestSummaryJSONNumbers has each number of a summary that is small, and of one of nothing.
func TestSummaryJSONNumbers(t *testing.T) {
	var s format.Summary
	require.Equal(t, `{"type":"summary","events":0,"matched":0,"types":[],"undecodable":0,"lostByDatapath":0,"lostByReader":0,"suppressed":0}`+"\n", string(s.AppendJSON(nil)))

	s.Elapsed = 3 * time.Second
	ev := format.NewEvent(interfaceName)
	for _, pl := range []*payload.Payload{
		agent(api.AgentNotifyStart, "{}"), agent(api.AgentNotifyGeneric, "{}"), sample([]byte{1}), lost(5, 0), lost(7, payload.CPULostByReader), drop(synPacket),
	} {
		ev.Decode(pl)
		s.Count(ev)
	}
	s.CountUnmatched()
	require.Equal(t, `before {"type":"summary","seconds":3,"events":5,"matched":4,"rate":1.333,"types":[`+
		`{"type":"agent","events":2,"rate":0.667,"kinds":[{"kind":"Cilium agent started","events":1,"rate":0.333},{"kind":"Message","events":1,"rate":0.333}]},`+
		`{"type":"drop","events":1,"rate":0.333,"kinds":[{"kind":"Policy denied (133)","events":1,"rate":0.333}]}],`+
		`"undecodable":1,"lostByDatapath":5,"lostByReader":7,"suppressed":0}`+"\n", string(s.AppendJSON([]byte("before "))))
	require.True(t, json.Valid(s.AppendJSON(nil)))

	s.Elapsed = 432 * time.Microsecond
	require.Contains(t, string(s.AppendJSON(nil)), `"seconds":0.000432,"events":5,"matched":4,"rate":9259.259,`, "seconds that say what the rate is of")
}

// TestSummaryOfOwnType counts a type whose kinds have names, and one that cannot say its kind.
func TestSummaryOfOwnType(t *testing.T) {
	unregister, err := format.RegisterType(&format.Type{
		Number: 101, Name: "own", Level: format.LevelDebug,
		Decode: func(*format.Sample) error { return nil },
		Line:   func(*format.Line, *format.Sample) {},
		JSON:   func(*format.Object, *format.Sample) {},
		Kind: func(s *format.Sample) string {
			if s.Data[1] == 'p' {
				panic("oops")
			}
			return string(s.Data[1:])
		},
	})
	require.NoError(t, err)
	var s format.Summary
	ev := format.NewEvent(interfaceName)
	for _, kind := range []string{"a", "b", "a", "panic", "a"} {
		ev.Decode(sample(append([]byte{101}, kind...)))
		s.Count(ev)
	}
	want := "4  own\n3    a\n1    b\n1  cannot be decoded\n5  events in total\n"
	require.Equal(t, want, string(s.Append(nil)))
	matched, total := s.Matched()
	require.EqualValues(t, 5, matched)
	require.EqualValues(t, 5, total)
	unregister()
	require.Contains(t, string(s.Append(nil)), "\n3    a\n1    b\n1  cannot be decoded\n", "the events were")
}
