// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// Values of the label source.
const (
	sourceDatapath = "datapath"
	sourceUser     = "user"
)

// typeNames returns the names of the message types that each source has, also of those that
// are registered.
func typeNames() (datapath, user []string) {
	for _, name := range api.MessageTypeNames() {
		if typ, err := api.ParseMessageType(name); err == nil && typ < api.MessageTypeAccessLog {
			datapath = append(datapath, name)
		} else if err == nil {
			user = append(user, name)
		}
	}
	return datapath, user
}

// Values of the label kind.
const (
	kindConsumer = "consumer"
	kindListener = "listener"
	kindStream   = "stream"
	kindClient   = "client"
)

// Collector collects the metrics of one agent. Its methods may be called concurrently.
type Collector struct {
	stats func() agent.Stats
}

// NewCollector returns the collector for an agent, which may be stopped before it.
func NewCollector(a *agent.Agent) *Collector { return &Collector{stats: a.Stats} }

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range all {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	s := c.stats()
	datapath, user := typeNames()
	out := output(metrics)
	out.traffic(sourceDatapath, s.Datapath, datapath)
	out.traffic(sourceUser, s.User, user)
	out.losses(s.Lost)
	out.suppressed(s.Suppressed, datapath)
	out.reader(&s)
	out.sources(s.Sources)
	out.subscribers(&s)
	out.clients(&s)
	out.streams(s.StreamTotals)
	out.guests(&s)
	out.history(s.History)
	out.build()
}

// output is where metrics go.
type output chan<- prometheus.Metric

func (out output) counter(d *prometheus.Desc, value uint64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

func (out output) gauge(d *prometheus.Desc, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// traffic has the types that have names with 0, too: a counter that begins with its first
// event would hide that one from rates.
func (out output) traffic(source string, t agent.Traffic, named []string) {
	seen := make(map[string]bool, len(t.Types))
	for _, typ := range t.Types {
		seen[typ.Name] = true
		out.counter(events, typ.Events, source, typ.Name)
		out.counter(eventBytes, typ.Bytes, source, typ.Name)
	}
	for _, name := range named {
		if !seen[name] {
			out.counter(events, 0, source, name)
			out.counter(eventBytes, 0, source, name)
		}
	}
	if !t.Last.IsZero() {
		out.gauge(lastEvent, seconds(t.Last), source)
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func (out output) losses(l agent.Losses) {
	out.counter(lost, l.Ring(), "ring_full")
	out.counter(lost, l.Behind, "client_behind")
	out.counter(lost, l.StreamBehind, "stream_behind")
	out.counter(lost, l.QueueFull, "queue_full")
	out.counter(lost, l.NotEncoded, "not_encodable")
	for cpu, n := range l.RingFull {
		out.counter(ringLost, n, strconv.Itoa(cpu))
	}
	out.counter(corruptRings, l.CorruptRings)
}

// suppressed has the types that have names with 0, too, as traffic has.
func (out output) suppressed(all []agent.SuppressedStats, named []string) {
	seen := make(map[string]bool, len(all))
	for _, s := range all {
		seen[s.Name] = true
		out.counter(rateLimited, s.RateLimited, s.Name)
		out.counter(aggregated, s.Aggregated, s.Name)
	}
	for _, name := range named {
		if !seen[name] {
			out.counter(rateLimited, 0, name)
			out.counter(aggregated, 0, name)
		}
	}
}

func (out output) reader(s *agent.Stats) {
	out.gauge(attached, oneIf(s.Attached))
	out.gauge(reading, oneIf(s.Reader != nil))
	out.counter(readerFailures, s.ReaderFailures)
	out.counter(unwanted, s.Unwanted)
	out.counter(wakeups, s.Polls.ByKernel, "kernel")
	out.counter(wakeups, s.Polls.ByTimer, "timer")

	var polls uint64
	buckets := make(map[float64]uint64, len(s.Polls.Buckets))
	for _, bucket := range s.Polls.Buckets {
		polls += bucket.Polls
		if bucket.UpperBound >= 0 {
			buckets[float64(bucket.UpperBound)] = polls
		}
	}
	out <- prometheus.MustNewConstHistogram(batch, polls, float64(s.Polls.Records), buckets)
}

func (out output) history(h *agent.HistoryStats) {
	if h == nil {
		h = &agent.HistoryStats{}
	}
	out.gauge(historyBytes, float64(h.Bytes))
	out.gauge(historyMemory, float64(h.Memory))
	if !h.Oldest.IsZero() {
		out.gauge(historyOldest, seconds(h.Oldest))
	}
}

func (out output) sources(sources []agent.SourceStats) {
	for _, s := range sources {
		name := label(s.Name)
		out.gauge(sourceReading, oneIf(s.Reading), name)
		out.gauge(sourceIncomplete, oneIf(s.Error != ""), name)
		out.counter(sourceReopened, s.Reopened, name)
		out.counter(sourceRecords, s.Records, name)
		out.counter(sourceLost, s.Lost, name)
		out.counter(sourceFailures, s.Failures, name)
	}
}

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}

func (out output) subscribers(s *agent.Stats) {
	out.gauge(subscribers, float64(len(s.Consumers)), kindConsumer)
	out.gauge(subscribers, float64(len(s.Listeners)), kindListener)
	out.gauge(subscribers, float64(len(s.Streams)), kindStream)
	out.gauge(subscribers, float64(len(s.Clients)), kindClient)
	out.counter(subscriptions, s.TotalSubscribers.Consumers, kindConsumer)
	out.counter(subscriptions, s.TotalSubscribers.Listeners, kindListener)
	out.counter(subscriptions, s.TotalSubscribers.Streams, kindStream)
	out.counter(subscriptions, s.TotalSubscribers.Clients, kindClient)
}

func (out output) clients(s *agent.Stats) {
	var sum, most uint64
	for _, c := range s.Clients {
		sum += c.Lag
		most = max(most, c.Lag)
	}
	out.gauge(queueSize, float64(s.QueueSize))
	out.gauge(queueBytes, float64(s.QueueBytes))
	out.gauge(queueMemory, float64(s.QueueMemory))
	out.gauge(maxLag, float64(most))
	out.gauge(lag, float64(sum))
	out.counter(clientAccepted, s.ClientTotals.Accepted)
	out.counter(clientEvents, s.ClientTotals.Delivered, "delivered")
	out.counter(clientEvents, s.ClientTotals.Lost, "lost")
	out.counter(clientEvents, s.ClientTotals.Abandoned, "abandoned")
	out.counter(acceptErrors, s.AcceptErrors)
	out.counter(refused, s.Refused)
	out.counter(writeErrors, s.WriteErrors)
}

func (out output) streams(totals map[string]agent.StreamTotals) {
	for name, t := range totals {
		name = label(name)
		out.gauge(streamLag, float64(t.Lag), name)
		out.counter(streamEvents, t.Delivered, name, "delivered")
		out.counter(streamEvents, t.Lost, name, "lost")
	}
}

// guests are consumers and listeners.
func (out output) guests(s *agent.Stats) {
	for _, t := range s.CallTotals {
		name := label(t.Name)
		out.counter(callbacks, t.Calls, t.Kind, name)
		out <- prometheus.MustNewConstMetric(callbackSeconds, prometheus.CounterValue, t.Busy.Seconds(), t.Kind, name)
		out.gauge(callbackRunning, t.Running.Seconds(), t.Kind, name)
		if t.Queue != nil {
			out.counter(queueEvents, t.Queue.Delivered, name, "delivered")
			out.counter(queueEvents, t.Queue.Lost, name, "lost")
			out.gauge(queueLag, float64(t.Queue.Lag), name)
		}
	}
	out.counter(removed, s.RemovedConsumers.Guests, kindConsumer)
	out.counter(removed, s.RemovedListeners.Guests, kindListener)
	out.counter(missed, s.RemovedConsumers.Missed, kindConsumer)
	out.counter(missed, s.RemovedListeners.Missed, kindListener)
}

// label returns a name that somebody chose as a value of a label, which has to be valid UTF-8: else
// it is quoted. So is what could be taken for a quoted one, since two names must not become one.
func label(name string) string {
	if !utf8.ValidString(name) || strings.HasPrefix(name, `"`) {
		return strconv.Quote(name)
	}
	return name
}
