// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/hubble/filter"
)

// TestExpensive has filters of at most 64 KiB whose regular expressions would take much memory: they are refused, with a short text,
// before they do.
func TestExpensive(t *testing.T) {
	const most = 64 << 10
	times := func(n int, text string) []string { return slices.Repeat([]string{text}, n) }
	split := make([]*flowpb.FlowFilter, 100)
	for i := range split {
		split[i] = &flowpb.FlowFilter{DnsQuery: []string{".{101}"}}
	}
	for name, list := range map[string][]*flowpb.FlowFilter{
		"many repetitions":         {{DnsQuery: times(3300, ".{1000}")}},
		"in one expression":        {{HttpPath: []string{strings.Repeat(".{1000}", 3300)}}},
		"of one repetition":        {{HttpUrl: []string{"(.{30}){30}(.{30}){30}x{0,1000}(ab?){1000}(?:a|b|c|d|e){900}"}}},
		"without an upper limit":   {{HttpUrl: times(20, "a{500,}")}},
		"of all fields":            {{DnsQuery: times(4, ".{999}"), HttpPath: times(4, ".{999}"), HttpUrl: times(4, ".{999}")}},
		"of all filters":           split,
		"large classes":            {{HttpPath: []string{strings.Repeat(`\pL`, most/3)}}},
		"large classes, one each":  {{HttpPath: times(most/5, `\pL`)}},
		"large classes, no longer": {{HttpPath: []string{strings.Repeat(`\pL`, filter.MaxExpressionBytes/3)}}},
		"groups":                   {{HttpPath: []string{strings.Repeat("()", most/2)}}},
		"many small ones":          {{HttpPath: times(most/3, "a")}},
		"a long name":              {{SourceFqdn: []string{strings.Repeat("*", most)}}},
		"names":                    {{DestinationFqdn: times(most/3, "*")}},
		"nodes":                    {{NodeName: times(most/3, "a")}},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			for _, lists := range [][2][]*flowpb.FlowFilter{{list, nil}, {nil, list}} {
				runtime.ReadMemStats(&before)
				_, err := filter.New(lists[0], lists[1])
				runtime.ReadMemStats(&after)
				require.ErrorIs(t, err, filter.ErrExpensive)
				require.Less(t, len(err.Error()), 200)
				t.Logf("%v: %d KiB", err, (after.TotalAlloc-before.TotalAlloc)>>10)
				require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
			}
		})
	}
	_, err := filter.New(split[:50], split[50:])
	require.ErrorIs(t, err, filter.ErrExpensive, "both lists together")
}

// TestNotExpensive has as much as anybody asks for.
func TestNotExpensive(t *testing.T) {
	names := make([]string, 100)
	for i := range names {
		names[i] = "*.some-service.namespace.svc.example"
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := filter.New([]*flowpb.FlowFilter{
		{DestinationFqdn: names},
		{HttpPath: []string{`^/api/v[0-9]{1,3}/(users|orders)/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`}},
		{DnsQuery: []string{`^(\pL{1,63}\.){1,8}example\.$`, `(?i)^.{0,255}$`}},
	}, []*flowpb.FlowFilter{{NodeName: []string{"cluster/worker-*", "node", "a/"}}})
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	t.Logf("%d KiB", (after.TotalAlloc-before.TotalAlloc)>>10)
}
