// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"crypto/tls"
	"slices"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/credentials"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/internal/testca"
)

// value returns the sum of the series of a metric that have these values of labels.
func value(t *testing.T, registry *prometheus.Registry, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	found := false
	for _, family := range families {
		if family.GetName() != "cilium_monitor_hubble_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			var has []string
			for _, l := range m.GetLabel() {
				has = append(has, l.GetValue())
			}
			if subset(labels, has) {
				found = true
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	require.True(t, found, "%s %v is not there", name, labels)
	return sum
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// TestMetrics has some of everything that is counted.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	ca := testca.New(t)
	server := ca.Issue("server", serverName)
	n := startNode(t, settings{
		"hubble-listen-address":      "127.0.0.1:0",
		"hubble-tls-cert-file":       server.Cert,
		"hubble-tls-key-file":        server.Key,
		"hubble-tls-client-ca-files": ca.File,
		"monitor-queue-size":         512,
		"monitor-buffer-pages":       512,
	}, cell.Provide(func() prometheus.Registerer { return registry }))
	value := func(name string, labels ...string) float64 { return value(t, registry, name, labels...) }
	require.Zero(t, value("refused_total", "tcp", "handshake"), "all is there before it happens")
	require.Zero(t, value("requests_total", "unix", "GetFlows"))
	require.Zero(t, value("lost_events_total", "rate_limit"))

	// A handshake that fails, and a request that makes no sense.
	require.Error(t, ask(t, n.tcpAddress(), credentials.NewTLS(&tls.Config{RootCAs: ca.Pool(), ServerName: serverName})))
	// The client can know before the server does.
	require.Eventually(t, func() bool { return value("refused_total", "tcp", "handshake") >= 1 }, timeout, tick)
	_, err := getFlows(t, n.observer(), &observerpb.GetFlowsRequest{Whitelist: []*flowpb.FlowFilter{{SourceIp: []string{"no"}}}}).stream.Recv()
	require.Error(t, err)
	require.EqualValues(t, 1, value("refused_total", "unix", "invalid"))

	// One reads, one does not.
	fast := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	slow := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	require.EqualValues(t, 2, value("open_requests", "unix", "GetFlows"))
	require.EqualValues(t, 3, value("connections", "unix"))
	const bursts, burst = 60, 500
	for range bursts {
		n.drop(130, burst)
		for range burst {
			require.Equal(t, "130", fast.next())
		}
	}
	n.drop(131, 1)
	received, lost := 0, 0
	for last := ""; last != "131"; {
		r, err := slow.stream.Recv()
		require.NoError(t, err)
		if loss := r.GetLostEvents(); loss != nil {
			lost += int(loss.GetNumEventsLost())
			continue
		}
		last = line(r)
		received++
	}
	require.Equal(t, "131", fast.next())
	require.Eventually(t, func() bool {
		return value("sent_events_total", "flow") == float64(received+bursts*burst+1)
	}, timeout, tick)
	require.EqualValues(t, lost, value("lost_events_total", "hubble_ring_buffer"))
	fast.cancel()
	slow.cancel()
	require.Eventually(t, func() bool { return value("open_requests", "unix", "GetFlows") == 0 }, timeout, tick)
	require.EqualValues(t, 3, value("requests_total", "unix", "GetFlows"))

	// What can't be decoded.
	follow := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	_, err = n.datapath.EmitSample([]byte{api.MessageTypeDrop, 1, 2}, 1)
	require.NoError(t, err)
	n.drop(132, 1)
	require.Equal(t, "132", follow.next())
	require.EqualValues(t, 1, value("malformed_events_total"))
}
