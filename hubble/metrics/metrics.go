// SPDX-License-Identifier: Apache-2.0

// Package metrics counts what the server of Hubble's API does, for Prometheus.
package metrics

import "github.com/prometheus/client_golang/prometheus"

// Values of the label reason.
const (
	RefusedConnections = "connections" // there are too many
	RefusedHandshake   = "handshake"   // of TLS: no certificate, or a wrong one
	RefusedRate        = "rate"        // too many requests came
	RefusedRequests    = "requests"    // too many are being answered
	RefusedInvalid     = "invalid"     // the request makes no sense, or takes too much
)

// Values of the label type.
const (
	SentFlows       = "flow"
	SentAgentEvents = "agent_event"
	SentDebugEvents = "debug_event"
)

// Values of the label source.
const (
	LostByDatapath  = "perf_event_ring_buffer"
	LostByReader    = "hubble_ring_buffer"
	LostByRateLimit = "rate_limit"
)

// Metrics are those of a server. They are a collector, and may be used by several goroutines at once.
type Metrics struct {
	Connections *prometheus.GaugeVec   // by listener
	Open        *prometheus.GaugeVec   // by listener and method
	Requests    *prometheus.CounterVec // by listener and method
	Refused     *prometheus.CounterVec // by listener and reason
	Sent        *prometheus.CounterVec // by type
	Lost        *prometheus.CounterVec // by source
	Malformed   prometheus.Counter
}

func opts(name, help string) prometheus.Opts {
	return prometheus.Opts{Namespace: "cilium_monitor", Subsystem: "hubble", Name: name, Help: help}
}

// New returns the metrics of a server that has counted nothing. Those of which all labels are known are there with 0.
func New() *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts(opts(name, help)), labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
	}
	m := &Metrics{
		Connections: gauge("connections",
			"Connections with clients of Hubble's API, by listener (unix, tcp).", "listener"),
		Open: gauge("open_requests",
			"Requests that are being answered, by listener and method.", "listener", "method"),
		Requests: counter("requests_total",
			"Requests that were not refused by the limits, by listener and method.", "listener", "method"),
		Refused: counter("refused_total",
			"What was refused, by listener and reason: connections (there are too many), handshake (of TLS: no certificate, or a wrong one),"+
				" rate (too many requests came), requests (too many are being answered), invalid (it makes no sense, or takes too much).", "listener", "reason"),
		Sent: counter("sent_events_total",
			"Events that were sent to clients, by type (flow, agent_event, debug_event), summed up over all requests.", "type"),
		Lost: counter("lost_events_total",
			"Events that requests were told are lost, by source, summed up over all requests: perf_event_ring_buffer (nobody got them),"+
				" hubble_ring_buffer (the client was too slow), rate_limit (the datapath did not make them).", "source"),
		Malformed: prometheus.NewCounter(prometheus.CounterOpts(opts("malformed_events_total",
			"Events that can't be decoded, summed up over all requests that came to them."))),
	}
	for _, typ := range []string{SentFlows, SentAgentEvents, SentDebugEvents} {
		m.Sent.WithLabelValues(typ)
	}
	for _, source := range []string{LostByDatapath, LostByReader, LostByRateLimit} {
		m.Lost.WithLabelValues(source)
	}
	return m
}

// Listen has what is counted of a listener there with 0, also of each method.
func (m *Metrics) Listen(listener string, methods []string) {
	m.Connections.WithLabelValues(listener)
	for _, reason := range []string{RefusedConnections, RefusedHandshake, RefusedRate, RefusedRequests, RefusedInvalid} {
		m.Refused.WithLabelValues(listener, reason)
	}
	for _, method := range methods {
		m.Open.WithLabelValues(listener, method)
		m.Requests.WithLabelValues(listener, method)
	}
}

func (m *Metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.Connections, m.Open, m.Requests, m.Refused, m.Sent, m.Lost, m.Malformed}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(descs chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(descs)
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(metrics)
	}
}
