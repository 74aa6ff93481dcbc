// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/wanted"
)

const (
	drop    = uint8(api.MessageTypeDrop)
	trace   = uint8(api.MessageTypeTrace)
	verdict = uint8(api.MessageTypePolicyVerdict)
)

func TestParseRateLimits(t *testing.T) {
	same := func(l RateLimit) RateLimits { return RateLimits{drop: l, trace: l, verdict: l} }
	for _, tc := range []struct {
		rates, bursts string
		want          RateLimits
	}{
		{"", "", RateLimits{}},
		{"0", "", RateLimits{}},
		{"1000", "", same(RateLimit{1000, 1000})},
		{"1000", "10", same(RateLimit{1000, 10})},
		{"trace=1000,drop=5000", "", RateLimits{trace: {1000, 1000}, drop: {5000, 5000}}},
		{"trace=1000, drop=5000", "100", RateLimits{trace: {1000, 100}, drop: {5000, 100}}},
		{"1000,drop=0", "trace=1", RateLimits{trace: {1000, 1}, verdict: {1000, 1000}}},
		{"policy-verdict=10000000", "policy-verdict=4294967295", RateLimits{verdict: {10_000_000, 4294967295}}},
		{"trace=1,drop=2", "drop=0,7", RateLimits{trace: {1, 7}, drop: {2, 2}}},
	} {
		got, err := ParseRateLimits(tc.rates, tc.bursts)
		require.NoError(t, err, tc)
		require.Equal(t, tc.want, got, tc)
	}
	for _, tc := range []struct{ rates, bursts, want string }{
		{"many", "", `--events-rate-limit: "many": "many" is no number from 0 to 10000000`},
		{"10000001", "", `"10000001" is no number from 0 to 10000000`},
		{"-1", "", `"-1" is no number`},
		{"trace=", "", `"" is no number`},
		{"1,2", "", "two numbers for the same events"},
		{"trace=1,trace=2", "", "two numbers for the same events"},
		{"l7=5", "", `"l7" is none of the types that the embedded datapath makes: drop, trace, policy-verdict`},
		{"=5", "", `"" is none of the types`},
		{"1,", "", `"" is no number`},
		{"5", "4294967296", `--events-burst: "4294967296": "4294967296" is no number from 0 to 4294967295`},
		{"trace=5", "drop=5", "--events-burst: drop events have no limit in --events-rate-limit"},
		{"", "5", "--events-burst needs --events-rate-limit"},
		{"0", "5", "--events-burst needs --events-rate-limit"},
	} {
		_, err := ParseRateLimits(tc.rates, tc.bursts)
		require.ErrorContains(t, err, tc.want, tc)
	}
}

// limited has programs keep to limits.
func limited(t *testing.T, limits RateLimits) func(*ebpf.CollectionSpec) {
	return func(spec *ebpf.CollectionSpec) { require.NoError(t, limits.set(spec)) }
}

// suppressedBy returns what the programs counted for a message type.
func suppressedBy(t *testing.T, m *ebpf.Map, typ uint8) (sum hostMonitorSuppressed) {
	t.Helper()
	var cpus []hostMonitorSuppressed
	require.NoError(t, m.Lookup(uint32(typ), &cpus))
	for _, n := range cpus {
		sum.RateLimited += n.RateLimited
		sum.Aggregated += n.Aggregated
	}
	return sum
}

// eventsOf returns how many events there are of each type.
func eventsOf(events []event) map[int]int {
	count := make(map[int]int)
	for _, e := range events {
		count[e.typ()]++
	}
	return count
}

// TestRateLimit has more packets than there may be events: what is made and what is counted as suppressed are all, each
// type has tokens of its own, and what becomes of packets stays the same.
func TestRateLimit(t *testing.T) {
	objects := new(ethernetObjects)
	limits := RateLimits{trace: {Rate: 1, Burst: 5}, drop: {Rate: 1, Burst: 3}}
	loadInto(t, objects, limited(t, limits), "udp/9999")
	rd := readEvents(t, objects.CiliumEvents)
	began := time.Now()
	const packets = 50
	var events []event
	for range packets {
		result, more := run(t, objects.FromNetwork, rd, udp4("10.0.0.1", "10.0.0.2", 9999))
		require.EqualValues(t, verdictDrop, result)
		events = append(events, more...)
	}
	made := eventsOf(events)
	since := int(time.Since(began)/time.Second) + 1 // new tokens, at most
	for typ, limit := range limits {
		n := made[int(typ)]
		require.GreaterOrEqual(t, n, int(limit.Burst))
		require.LessOrEqual(t, n, int(limit.Burst)+since)
		require.Equal(t, hostMonitorSuppressed{RateLimited: uint64(packets - n)}, suppressedBy(t, objects.EventsSuppressed, typ))
	}
	require.Equal(t, packets, made[eventPolicyVerdict], "it has no limit")
	require.Zero(t, suppressedBy(t, objects.EventsSuppressed, verdict))
}

// TestRateLimitIsForWanted has packets whose events nobody wants: they take no tokens.
func TestRateLimitIsForWanted(t *testing.T) {
	objects := new(ethernetObjects)
	loadInto(t, objects, limited(t, RateLimits{trace: {Rate: 1, Burst: 5}}))
	rd := readEvents(t, objects.CiliumEvents)
	packet := udp4("10.0.0.1", "10.0.0.2", 53)
	want := func(v wanted.Value) { require.NoError(t, objects.EventsWanted.Put(uint32(0), v)) }
	want(value(api.MessageTypeDrop))
	for range 100 {
		_, events := run(t, objects.FromNetwork, rd, packet)
		require.Empty(t, events)
	}
	require.Zero(t, suppressedBy(t, objects.EventsSuppressed, trace))
	want(value(api.MessageTypeTrace))
	for range 5 {
		_, events := run(t, objects.FromNetwork, rd, packet)
		require.Len(t, events, 1)
	}
}

// TestRateLimitRefuses loads limits that can't be.
func TestRateLimitRefuses(t *testing.T) {
	spec, err := loadHost()
	require.NoError(t, err)
	for _, limits := range []RateLimits{
		{api.MessageTypeDebug: {1, 1}},
		{trace: {MaxRate + 1, 1}},
		{trace: {1, 0}},
	} {
		require.ErrorContains(t, limits.set(spec), "a rate limit of", limits)
	}
	require.NoError(t, RateLimits{trace: {}}.set(spec))
	require.Error(t, setAggregation(spec, -1))
}

// FuzzParseRateLimits has any text be limits that programs can keep to, or an error.
func FuzzParseRateLimits(f *testing.F) {
	f.Add("1000", "10")
	f.Add("trace=1000,drop=5000", "drop=0, 7")
	f.Add("10000000", "4294967295")
	f.Fuzz(func(t *testing.T, rates, bursts string) {
		limits, err := ParseRateLimits(rates, bursts)
		if err != nil {
			return
		}
		for typ, limit := range limits {
			require.Contains(t, limitedTypes, typ)
			require.NotZero(t, limit.Rate)
			require.LessOrEqual(t, limit.Rate, uint32(MaxRate))
			require.NotZero(t, limit.Burst)
		}
	})
}
