// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logpb "go.opentelemetry.io/proto/otlp/logs/v1"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/hubble/otlp"
)

func netipAddrPort(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(text)
	require.NoError(t, err)
	return a
}

// tcp is a record of a TCP connection.
func tcp(source, destination netip.AddrPort) accesslog.LogRecord {
	return accesslog.LogRecord{
		Type: accesslog.TypeRequest, Timestamp: "2026-01-02T03:04:05Z", Verdict: accesslog.VerdictForwarded, TransportProtocol: 6,
		SourceEndpoint:      accesslog.EndpointInfo{IPv4: source.Addr().String(), Port: source.Port()},
		DestinationEndpoint: accesslog.EndpointInfo{IPv4: destination.Addr().String(), Port: destination.Port()},
	}
}

// plain returns the attributes of a record as Go values.
func plain(kvs []*commonpb.KeyValue) map[string]any {
	all := map[string]any{}
	for _, kv := range kvs {
		all[kv.GetKey()] = plainValue(kv.GetValue())
	}
	return all
}

func plainValue(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_ArrayValue:
		var all []any
		for _, element := range v.ArrayValue.GetValues() {
			all = append(all, plainValue(element))
		}
		return all
	default:
		return nil
	}
}

// TestRequests compares the records of requests of layer 7.
func TestRequests(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.cluster.name=here,service.namespace=net")
	c := newCollector(t, otlp.ProtocolGRPC)
	c.come(t)
	f := start(t, c)
	web := tcp(netip.MustParseAddrPort("10.0.0.1:34567"), netip.MustParseAddrPort("10.0.0.2:80"))
	web.ObservationPoint, web.Verdict = accesslog.Ingress, accesslog.VerdictDenied
	web.SourceEndpoint.Identity, web.SourceEndpoint.ID = 4711, 7
	web.SourceEndpoint.Labels = []accesslog.Label{{Key: "app", Value: "web", Source: "k8s"}}
	web.HTTP = &accesslog.LogRecordHTTP{
		Method: "GET", Protocol: "HTTP/1.1", URL: &url.URL{Scheme: "http", Host: "example.com", Path: "/a"},
		Headers: http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
	}
	dns := accesslog.LogRecord{
		Type: accesslog.TypeResponse, Timestamp: "2026-01-02T03:04:06Z", Verdict: accesslog.VerdictForwarded, ObservationPoint: accesslog.Egress,
		IPVersion: accesslog.VersionIPv6, TransportProtocol: 17,
		SourceEndpoint:      accesslog.EndpointInfo{IPv6: "fd00::1", Port: 53},
		DestinationEndpoint: accesslog.EndpointInfo{IPv6: "fd00::2", Port: 40000},
		DNS: &accesslog.LogRecordDNS{
			Query: "www.example.com.", IPs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, ObservationSource: "proxy", QTypes: []uint16{1}, RCode: 3,
		},
	}
	response := web
	response.Type, response.Verdict, response.HTTP = accesslog.TypeResponse, accesslog.VerdictError, &accesslog.LogRecordHTTP{Code: 503, Method: "GET", Protocol: "HTTP/1.1"}
	for _, r := range []accesslog.LogRecord{web, dns, response} {
		require.NoError(t, f.agent.SendEvent(api.MessageTypeAccessLog, r))
	}
	require.NoError(t, f.Stop(t.Context()))
	require.Len(t, c.records, 3)
	first, second := c.records[0], c.records[1]
	uuids := []string{attribute(first, "hubble.uuid").GetStringValue(), attribute(second, "hubble.uuid").GetStringValue()}

	require.Equal(t, logpb.SeverityNumber_SEVERITY_NUMBER_WARN, first.GetSeverityNumber())
	require.Equal(t, "10.0.0.1:34567 -> 10.0.0.2:80 DROPPED (HTTP/1.1 GET http://example.com/a)", first.GetBody().GetStringValue())
	require.Len(t, first.GetTraceId(), 16)
	require.Equal(t, map[string]any{
		"hubble.uuid": uuids[0], "hubble.node_name": "here/node", "hubble.verdict": "DROPPED", "hubble.event_type": "l7", "hubble.is_reply": false,
		"hubble.l7.type": "REQUEST", "hubble.source.identity": int64(4711), "hubble.source.endpoint_id": int64(7),
		"hubble.source.labels": []any{"k8s:app=web"},
		"source.address":       "10.0.0.1", "source.port": int64(34567), "destination.address": "10.0.0.2", "destination.port": int64(80),
		"network.type": "ipv4", "network.transport": "tcp", "network.io.direction": "receive",
		"network.protocol.name": "http", "network.protocol.version": "1.1",
		"http.request.method": "GET", "url.full": "http://example.com/a",
	}, plain(first.GetAttributes()))

	require.Equal(t, logpb.SeverityNumber_SEVERITY_NUMBER_INFO, second.GetSeverityNumber())
	require.Equal(t, map[string]any{
		"hubble.uuid": uuids[1], "hubble.node_name": "here/node", "hubble.verdict": "FORWARDED", "hubble.event_type": "l7", "hubble.is_reply": true,
		"hubble.l7.type": "RESPONSE", "source.address": "fd00::1", "source.port": int64(53), "destination.address": "fd00::2", "destination.port": int64(40000),
		"network.type": "ipv6", "network.transport": "udp", "network.io.direction": "transmit",
		"network.protocol.name": "dns", "dns.question.name": "www.example.com", "dns.answers": []any{"192.0.2.1"}, "hubble.dns.rcode": int64(3),
	}, plain(second.GetAttributes()))

	require.Equal(t, logpb.SeverityNumber_SEVERITY_NUMBER_ERROR, c.records[2].GetSeverityNumber())
	require.EqualValues(t, 503, attribute(c.records[2], "http.response.status_code").GetIntValue())

	resource := plain(c.resource.GetAttributes())
	require.Equal(t, "hubble", resource["service.name"])
	require.Equal(t, "1.2.3", resource["service.version"])
	require.Equal(t, "net", resource["service.namespace"])
	require.Equal(t, "node", resource["host.name"])
	require.Equal(t, "here", resource["k8s.cluster.name"])
}
