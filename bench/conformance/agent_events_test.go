// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	ciliumapi "github.com/cilium/cilium/pkg/monitor/api"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

// notification is an agent notification as each side makes it.
type notification struct {
	name   string
	ours   api.AgentNotifyMessage
	cilium ciliumapi.AgentNotifyMessage
}

// sample returns the sample that our agent makes of it.
func (n notification) sample(t testing.TB) []byte {
	t.Helper()
	notify, err := n.ours.ToJSON()
	require.NoError(t, err)
	return notify.Append(nil)
}

// endpoint is what Cilium makes its notifications about endpoints from.
type endpoint struct{}

var endpointLabels = []string{"k8s:app=web", "reserved:host"}

func (endpoint) GetID() uint64           { return 7 }
func (endpoint) GetID16() uint16         { return 7 }
func (endpoint) GetOpLabels() []string   { return endpointLabels }
func (endpoint) GetK8sPodName() string   { return "web-0" }
func (endpoint) GetK8sNamespace() string { return "default" }

func notifications() []notification {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	failed := errors.New("no <such> program")
	host, oldHost := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	oldID, ourOldID := uint32(0), api.NumericIdentity(0)
	return []notification{
		{"generic", api.GenericMessage("hello"), ciliumapi.AgentNotifyMessage{Type: ciliumapi.AgentNotifyGeneric, Notification: "hello"}},
		{"start", api.StartMessage(now), ciliumapi.StartMessage(now)},
		{"endpoint regenerated", api.EndpointRegenMessage(7, endpointLabels, nil), ciliumapi.EndpointRegenMessage(endpoint{}, nil)},
		{"endpoint not regenerated", api.EndpointRegenMessage(7, endpointLabels, failed), ciliumapi.EndpointRegenMessage(endpoint{}, failed)},
		{"policy updated", api.PolicyUpdateMessage(3, endpointLabels, 9), ciliumapi.PolicyUpdateMessage(3, endpointLabels, 9)},
		{"policy deleted", api.PolicyDeleteMessage(0, nil, 0), ciliumapi.PolicyDeleteMessage(0, nil, 0)},
		{"endpoint created", api.EndpointCreateMessage(7, endpointLabels, "web-0", "default"), ciliumapi.EndpointCreateMessage(endpoint{})},
		{"endpoint deleted", api.EndpointDeleteMessage(7, endpointLabels, "web-0", "default"), ciliumapi.EndpointDeleteMessage(endpoint{})},
		{
			"ipcache upserted",
			api.IPCacheUpsertedMessage(api.IPCacheNotification{
				CIDR: "10.0.0.1/32", Identity: 4711, OldIdentity: &ourOldID, HostIP: host, OldHostIP: oldHost, EncryptKey: 3, Namespace: "default", PodName: "web-0",
			}),
			ciliumapi.IPCacheUpsertedMessage("10.0.0.1/32", 4711, &oldID, host.AsSlice(), oldHost.AsSlice(), 3, "default", "web-0"),
		},
		{
			"ipcache deleted",
			api.IPCacheDeletedMessage(api.IPCacheNotification{CIDR: "10.0.0.1/32"}),
			ciliumapi.IPCacheDeletedMessage("10.0.0.1/32", 0, nil, nil, nil, 0, "", ""),
		},
	}
}

// record is an access log record.
type record struct {
	name   string
	record accesslog.LogRecord
}

func records() []record {
	reason := uint16(181)
	with := func(name string, change func(*accesslog.LogRecord)) record {
		r := accesslog.LogRecord{
			Type: accesslog.TypeRequest, Timestamp: "2026-01-02T03:04:05Z", ObservationPoint: accesslog.Ingress, Verdict: accesslog.VerdictForwarded,
			NodeAddressInfo: accesslog.NodeAddressInfo{IPv4: "192.0.2.1", IPv6: "2001:db8::1"},
			SourceEndpoint: accesslog.EndpointInfo{
				ID: 12, IPv4: "10.0.0.1", IPv6: "fd00::1", Port: 34567, Identity: 4711,
				Labels: []accesslog.Label{{Key: "app", Value: "web", Source: "k8s"}, {Key: "host", Source: "reserved"}},
			},
			DestinationEndpoint: accesslog.EndpointInfo{ID: 34, IPv4: "10.0.0.2", Port: 80, Identity: 2},
			Metadata:            []string{"a", "b"}, TransportProtocol: 6, FlowEvent: "FlowAdded",
		}
		change(&r)
		return record{name, r}
	}
	return []record{
		with("HTTP request", func(r *accesslog.LogRecord) {
			r.ServiceInfo = &accesslog.ServiceInfo{Name: "web", IPPort: accesslog.IPPort{IP: "10.96.0.1", Port: 80}}
			r.HTTP = &accesslog.LogRecordHTTP{
				Method: "GET", URL: &url.URL{Scheme: "http", User: url.UserPassword("user", "secret"), Host: "example.com", Path: "/a b", RawQuery: "q=1"}, Protocol: "HTTP/1.1",
				Headers: http.Header{"X-A": {"b", "c"}}, MissingHeaders: http.Header{"X-B": {"d"}}, RejectedHeaders: http.Header{"X-C": {"e"}},
			}
		}),
		with("HTTP response", func(r *accesslog.LogRecord) {
			r.Type, r.Verdict, r.IPVersion, r.DropReason = accesslog.TypeResponse, accesslog.VerdictDenied, accesslog.VersionIPv6, &reason
			r.HTTP = &accesslog.LogRecordHTTP{Code: 403, Method: "GET", Protocol: "HTTP/1.1"}
		}),
		with("denied with a reason", func(r *accesslog.LogRecord) {
			r.Verdict, r.Info = accesslog.VerdictDenied, "no rule allows it"
			r.HTTP = &accesslog.LogRecordHTTP{Code: 403}
		}),
		with("DNS request", func(r *accesslog.LogRecord) {
			r.ObservationPoint, r.TransportProtocol = accesslog.Egress, 17
			r.DNS = &accesslog.LogRecordDNS{Query: "example.com.", ObservationSource: "proxy", QTypes: []uint16{1, 28}}
		}),
		with("DNS response", func(r *accesslog.LogRecord) {
			r.Type, r.ObservationPoint = accesslog.TypeResponse, accesslog.Egress
			r.DNS = &accesslog.LogRecordDNS{
				Query: "www.example.com.", ObservationSource: "proxy", QTypes: []uint16{1}, AnswerTypes: []uint16{5, 1}, TTL: 30, RCode: 3,
				IPs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, CNAMEs: []string{"a.example.com."},
			}
		}),
		with("DNS types", func(r *accesslog.LogRecord) {
			var types []uint16
			for n := range 300 {
				types = append(types, uint16(n), uint16(n+32768-150), uint16(n+65536-300))
			}
			r.DNS = &accesslog.LogRecordDNS{Query: "example.com.", QTypes: types}
		}),
		with("another protocol", func(r *accesslog.LogRecord) {
			r.Type, r.Verdict = accesslog.TypeSample, accesslog.VerdictError
			r.L7 = &accesslog.LogRecordL7{Proto: "r2d2", Fields: map[string]string{"file": "x", "cmd": "READ"}}
		}),
		with("no protocol, no labels", func(r *accesslog.LogRecord) { r.SourceEndpoint.Labels = nil }),
	}
}
