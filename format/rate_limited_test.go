// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// TestRateLimitedMatches has filters of types leave out what was suppressed of other types. No other filter does.
func TestRateLimitedMatches(t *testing.T) {
	ev := format.NewEvent(interfaceName)
	ev.Decode(rateLimited(5, api.MessageTypeTrace))
	typ, ok := ev.RateLimited()
	require.True(t, ok)
	require.Equal(t, "trace", typ)
	require.EqualValues(t, 5, ev.Lost())
	for _, tc := range []struct {
		args []string
		want bool
	}{
		{nil, true},
		{[]string{"--type", "trace"}, true},
		{[]string{"--type", "drop"}, false},
		{[]string{"--not", "--type", "trace"}, false},
		{[]string{"--not", "--type", "drop"}, true},
		{[]string{"--port", "53"}, true},
	} {
		filter, err := format.ParseFilter(tc.args)
		require.NoError(t, err)
		require.Equal(t, tc.want, filter.Match(ev), tc.args)
	}
	ev.Decode(lost(5, 0))
	_, ok = ev.RateLimited()
	require.False(t, ok)
}

// TestRateLimitedSummary sums it up beside other losses.
func TestRateLimitedSummary(t *testing.T) {
	var s format.Summary
	ev := format.NewEvent(interfaceName)
	ev.Decode(rateLimited(5, api.MessageTypeTrace))
	s.Count(ev)
	ev.Decode(rateLimited(7, api.MessageTypeKernelDrop))
	s.Count(ev)
	ev.Decode(lost(3, 0))
	s.Count(ev)
	require.Equal(t, "0  events in total\n"+
		"3  lost: the agent read the datapath's ring too slowly\n"+
		"5  suppressed: more than the datapath's rate limit allows\n"+
		"7  suppressed kernel drops: more of one kind than 1000 a second on a CPU\n", string(s.Append(nil)))
	require.Contains(t, string(s.AppendJSON(nil)), `"lostByDatapath":3,"lostByReader":0,"suppressed":12}`)
}

// TestRateLimitedKernelDrops names the limit of what is told of the kernel's drops, which no datapath has.
func TestRateLimitedKernelDrops(t *testing.T) {
	ev := format.NewEvent(interfaceName)
	ev.Decode(rateLimited(5, api.MessageTypeKernelDrop))
	line := format.New(format.Options{}).Append(nil, ev)
	require.Equal(t, "Suppressed 5 kernel-drop events: more of one kind than 1000 a second on a CPU\n", string(line))
	line = format.New(format.Options{Output: format.OutputJSON}).Append(nil, ev)
	require.Contains(t, string(line), `"message":"Suppressed 5 events: more of one kind than 1000 a second on a CPU"`)
}
