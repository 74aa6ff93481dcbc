// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/models"
	"github.com/cilium/monitor/consumer"
)

// stats are statistics in which no two numbers are the same.
var stats = agent.Stats{
	Attached:       true,
	Reader:         &models.MonitorStatus{},
	ReaderFailures: 101,
	Sources: []agent.SourceStats{
		{Name: "good", Reading: true, Records: 201, Lost: 202, Failures: 203, Reopened: 204},
		{Name: "bad", Error: "gone", Records: 211, Lost: 212, Failures: 213, Reopened: 214},
	},
	Datapath: agent.Traffic{
		Types: []agent.TypeTraffic{{Name: "trace", Events: 301, Bytes: 302}, {Name: "unknown(99)", Events: 303, Bytes: 304}},
		Last:  time.Unix(1_000_000, 500_000_000),
	},
	User: agent.Traffic{Types: []agent.TypeTraffic{{Name: "agent", Events: 311, Bytes: 312}}},
	Polls: agent.Polls{ByKernel: 401, ByTimer: 402, Records: 403, Buckets: []agent.Bucket{
		{UpperBound: 0, Polls: 5}, {UpperBound: 10, Polls: 6}, {UpperBound: -1, Polls: 7},
	}},
	Lost: agent.Losses{RingFull: []uint64{501, 502}, Behind: 503, StreamBehind: 504, QueueFull: 505, NotEncoded: 506, CorruptRings: 507},
	Suppressed: []agent.SuppressedStats{
		{Name: "trace", RateLimited: 511, Aggregated: 512}, {Name: "unknown(99)", RateLimited: 513, Aggregated: 514},
	},

	QueueSize: 601, QueueBytes: 602, QueueMemory: 603, Unwanted: 604,
	History:          &agent.HistoryStats{Bytes: 611, Memory: 612, Payloads: 613, Oldest: time.Unix(614, 0)},
	TotalSubscribers: agent.SubscriberCounts{Consumers: 701, Listeners: 702, Streams: 703, Clients: 704},
	Consumers:        make([]agent.CallStats, 11),
	Listeners:        make([]agent.CallStats, 12),
	Streams:          make([]agent.StreamStats, 13),
	Clients:          []agent.ClientStats{{Lag: 20}, {Lag: 40}, {Lag: 30}},
	ClientTotals:     agent.ClientTotals{Accepted: 801, Delivered: 802, Lost: 803, Abandoned: 804},
	StreamTotals:     map[string]agent.StreamTotals{"export": {Delivered: 811, Lost: 812, Lag: 813}},
	AcceptErrors:     821, Refused: 822, WriteErrors: 823,
	CallTotals: []agent.CallTotals{
		{Kind: "consumer", Name: "c", Calls: 901, Busy: 1500 * time.Millisecond, Running: 2500 * time.Millisecond,
			Queue: &consumer.QueueStats{Delivered: 902, Lost: 903, Lag: 904}},
		{Kind: "listener", Name: "l", Calls: 911},
	},
	RemovedConsumers: agent.RemovedTotals{Guests: 921, Missed: 922},
	RemovedListeners: agent.RemovedTotals{Guests: 931, Missed: 932},
}

const values = `
accept_errors_total 821
aggregated_events_total{type="capture"} 0
aggregated_events_total{type="debug"} 0
aggregated_events_total{type="drop"} 0
aggregated_events_total{type="kernel-drop"} 0
aggregated_events_total{type="policy-verdict"} 0
aggregated_events_total{type="trace"} 512
aggregated_events_total{type="trace-sock"} 0
aggregated_events_total{type="unknown(99)"} 514
attached 1
callback_running_seconds{kind="consumer",name="c"} 2.5
callback_running_seconds{kind="listener",name="l"} 0
callback_seconds_total{kind="consumer",name="c"} 1.5
callback_seconds_total{kind="listener",name="l"} 0
callbacks_total{kind="consumer",name="c"} 901
callbacks_total{kind="listener",name="l"} 911
client_accepted_events_total 801
client_events_total{outcome="abandoned"} 804
client_events_total{outcome="delivered"} 802
client_events_total{outcome="lost"} 803
client_lag_events 90
client_lag_max_events 40
consumer_queue_events_total{name="c",outcome="delivered"} 902
consumer_queue_events_total{name="c",outcome="lost"} 903
consumer_queue_lag_events{name="c"} 904
corrupt_rings_total 507
event_bytes_total{source="datapath",type="capture"} 0
event_bytes_total{source="datapath",type="debug"} 0
event_bytes_total{source="datapath",type="drop"} 0
event_bytes_total{source="datapath",type="kernel-drop"} 0
event_bytes_total{source="datapath",type="policy-verdict"} 0
event_bytes_total{source="datapath",type="trace"} 302
event_bytes_total{source="datapath",type="trace-sock"} 0
event_bytes_total{source="datapath",type="unknown(99)"} 304
event_bytes_total{source="user",type="agent"} 312
event_bytes_total{source="user",type="l7"} 0
events_total{source="datapath",type="capture"} 0
events_total{source="datapath",type="debug"} 0
events_total{source="datapath",type="drop"} 0
events_total{source="datapath",type="kernel-drop"} 0
events_total{source="datapath",type="policy-verdict"} 0
events_total{source="datapath",type="trace"} 301
events_total{source="datapath",type="trace-sock"} 0
events_total{source="datapath",type="unknown(99)"} 303
events_total{source="user",type="agent"} 311
events_total{source="user",type="l7"} 0
history_limit_bytes 611
history_memory_bytes 612
history_oldest_timestamp_seconds 614
last_event_timestamp_seconds{source="datapath"} 1.0000005e+06
lost_events_total{reason="client_behind"} 503
lost_events_total{reason="not_encodable"} 506
lost_events_total{reason="queue_full"} 505
lost_events_total{reason="ring_full"} 1003
lost_events_total{reason="stream_behind"} 504
queue_limit_bytes 602
queue_memory_bytes 603
queue_size_events 601
rate_limited_events_total{type="capture"} 0
rate_limited_events_total{type="debug"} 0
rate_limited_events_total{type="drop"} 0
rate_limited_events_total{type="kernel-drop"} 0
rate_limited_events_total{type="policy-verdict"} 0
rate_limited_events_total{type="trace"} 511
rate_limited_events_total{type="trace-sock"} 0
rate_limited_events_total{type="unknown(99)"} 513
reader_batch_events 18 polls of 403, 5 up to 0, 11 up to 10
reader_failures_total 101
reader_wakeups_total{by="kernel"} 401
reader_wakeups_total{by="timer"} 402
reading 1
refused_connections_total 822
removed_subscribers_missed_events_total{kind="consumer"} 922
removed_subscribers_missed_events_total{kind="listener"} 932
removed_subscribers_total{kind="consumer"} 921
removed_subscribers_total{kind="listener"} 931
ring_lost_events_total{cpu="0"} 501
ring_lost_events_total{cpu="1"} 502
source_failures_total{name="bad"} 213
source_failures_total{name="good"} 203
source_incomplete{name="bad"} 1
source_incomplete{name="good"} 0
source_lost_events_total{name="bad"} 212
source_lost_events_total{name="good"} 202
source_reading{name="bad"} 0
source_reading{name="good"} 1
source_records_total{name="bad"} 211
source_records_total{name="good"} 201
source_reopened_total{name="bad"} 214
source_reopened_total{name="good"} 204
stream_events_total{name="export",outcome="delivered"} 811
stream_events_total{name="export",outcome="lost"} 812
stream_lag_events{name="export"} 813
subscribers{kind="client"} 3
subscribers{kind="consumer"} 11
subscribers{kind="listener"} 12
subscribers{kind="stream"} 13
subscriptions_total{kind="client"} 704
subscriptions_total{kind="consumer"} 701
subscriptions_total{kind="listener"} 702
subscriptions_total{kind="stream"} 703
unwanted_events_total 604
write_errors_total 823
`

// TestValues checks that each number of the statistics is the value of its metric, and that there are no
// other ones but build_info.
func TestValues(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	collector := &Collector{stats: func() agent.Stats { return stats }}
	require.NoError(t, registry.Register(collector))
	require.Error(t, registry.Register(collector), "it describes its metrics, so that it is known")
	families, err := registry.Gather()
	require.NoError(t, err)
	var lines []string
	for _, family := range families {
		name := strings.TrimPrefix(family.GetName(), namespace+"_")
		if name == "build_info" {
			continue
		}
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			line := name
			if labels != nil {
				line += "{" + strings.Join(labels, ",") + "}"
			}
			if h := m.Histogram; h != nil {
				line += fmt.Sprintf(" %d polls of %v", h.GetSampleCount(), h.GetSampleSum())
				for _, b := range h.Bucket {
					line += fmt.Sprintf(", %d up to %v", b.GetCumulativeCount(), b.GetUpperBound())
				}
			} else {
				line += " " + fmt.Sprint(m.GetCounter().GetValue()+m.GetGauge().GetValue())
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	require.Equal(t, strings.TrimSpace(values), strings.Join(lines, "\n"))
}

// TestIdle checks what an agent that nothing has happened to has: no time of an event.
func TestIdle(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(&Collector{stats: func() agent.Stats { return agent.Stats{} }}))
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		require.NotEqual(t, namespace+"_last_event_timestamp_seconds", family.GetName())
		for _, m := range family.Metric {
			if family.GetName() != namespace+"_build_info" {
				require.Zero(t, m.GetCounter().GetValue()+m.GetGauge().GetValue(), family.GetName())
			}
		}
	}
}
