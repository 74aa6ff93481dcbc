// SPDX-License-Identifier: Apache-2.0

package ciliumagent_test

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"testing"
	"time"

	ciliumapi "github.com/cilium/cilium/pkg/monitor/api"
	ciliumlog "github.com/cilium/cilium/pkg/proxy/accesslog"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/testutils"
)

// notification is an agent notification as each side makes it.
type notification struct {
	name   string
	ours   api.AgentNotifyMessage
	cilium ciliumapi.AgentNotifyMessage
}

// endpoint is what Cilium makes its notifications about endpoints from.
type endpoint struct{}

var endpointLabels = []string{"k8s:app=web", "reserved:host"}

func (endpoint) GetID() uint64           { return 7 }
func (endpoint) GetID16() uint16         { return 7 }
func (endpoint) GetOpLabels() []string   { return endpointLabels }
func (endpoint) GetK8sPodName() string   { return "web-0" }
func (endpoint) GetK8sNamespace() string { return "default" }

// own is a notification that neither side knows.
type own struct{ Number int }

// notifications has all that there are, with all of their fields.
func notifications() []notification {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	failed := errors.New("no such program")
	host, oldHost := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	oldID, ourOldID := uint32(5), api.NumericIdentity(5)
	return []notification{
		{"generic", api.GenericMessage("hello"), ciliumapi.AgentNotifyMessage{Type: ciliumapi.AgentNotifyGeneric, Notification: "hello"}},
		{"of a type of its own", api.AgentNotifyMessage{Type: 99, Notification: own{7}}, ciliumapi.AgentNotifyMessage{Type: 99, Notification: own{7}}},
		{"start", api.StartMessage(now), ciliumapi.StartMessage(now)},
		{"endpoint regenerated", api.EndpointRegenMessage(7, endpointLabels, nil), ciliumapi.EndpointRegenMessage(endpoint{}, nil)},
		{"endpoint not regenerated", api.EndpointRegenMessage(7, endpointLabels, failed), ciliumapi.EndpointRegenMessage(endpoint{}, failed)},
		{"policy updated", api.PolicyUpdateMessage(3, endpointLabels, 9), ciliumapi.PolicyUpdateMessage(3, endpointLabels, 9)},
		{"policy deleted", api.PolicyDeleteMessage(3, endpointLabels, 9), ciliumapi.PolicyDeleteMessage(3, endpointLabels, 9)},
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

// records has access log records in which, together, each field is set.
func records() []*accesslog.LogRecord {
	reason := uint16(181)
	with := func(change func(*accesslog.LogRecord)) *accesslog.LogRecord {
		r := &accesslog.LogRecord{
			Type: accesslog.TypeRequest, Timestamp: "2026-01-02T03:04:05Z", ObservationPoint: accesslog.Ingress, Verdict: accesslog.VerdictForwarded,
			NodeAddressInfo: accesslog.NodeAddressInfo{IPv4: "192.0.2.1", IPv6: "2001:db8::1"},
			SourceEndpoint: accesslog.EndpointInfo{
				ID: 12, IPv4: "10.0.0.1", IPv6: "fd00::1", Port: 34567, Identity: 4711,
				Labels: []accesslog.Label{{Key: "app", Value: "web", Source: "k8s"}, {Key: "host", Source: "reserved"}},
			},
			DestinationEndpoint: accesslog.EndpointInfo{ID: 34, IPv4: "10.0.0.2", Port: 80, Identity: 2},
			Info:                "of a rule", Metadata: []string{"a", "b"}, TransportProtocol: 6, FlowEvent: "FlowAdded",
		}
		change(r)
		return r
	}
	return []*accesslog.LogRecord{
		with(func(r *accesslog.LogRecord) {
			r.ServiceInfo = &accesslog.ServiceInfo{Name: "web", IPPort: accesslog.IPPort{IP: "10.96.0.1", Port: 80}}
			r.HTTP = &accesslog.LogRecordHTTP{
				Code: 200, Method: "GET", URL: &url.URL{Scheme: "http", Host: "example.com", Path: "/a"}, Protocol: "HTTP/1.1",
				Headers: http.Header{"X-A": {"b", "c"}}, MissingHeaders: http.Header{"X-B": {"d"}}, RejectedHeaders: http.Header{"X-C": {"e"}},
			}
		}),
		with(func(r *accesslog.LogRecord) {
			r.Type, r.Verdict, r.IPVersion, r.DropReason = accesslog.TypeResponse, accesslog.VerdictDenied, accesslog.VersionIPv6, &reason
			r.SourceEndpoint.Labels = nil
			r.DNS = &accesslog.LogRecordDNS{
				Query: "www.example.com.", ObservationSource: "proxy", QTypes: []uint16{1}, AnswerTypes: []uint16{5, 1}, TTL: 30, RCode: 3,
				IPs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, CNAMEs: []string{"a.example.com."},
			}
		}),
		with(func(r *accesslog.LogRecord) {
			r.Type, r.Verdict = accesslog.TypeSample, accesslog.VerdictError
			r.L7 = &accesslog.LogRecordL7{Proto: "r2d2", Fields: map[string]string{"file": "x", "cmd": "READ"}}
		}),
		with(func(r *accesslog.LogRecord) {
			r.Kafka = &accesslog.LogRecordKafka{ErrorCode: 3, APIVersion: 2, APIKey: "produce", CorrelationID: 5, Topic: accesslog.KafkaTopic{Topic: "orders"}}
		}),
	}
}

// withoutKafka returns a record as it comes back from Cilium's types.
func withoutKafka(r *accesslog.LogRecord) *accesslog.LogRecord {
	if r.Kafka == nil {
		return r
	}
	back := *r
	back.Kafka, back.L7 = nil, &accesslog.LogRecordL7{Proto: "kafka", Fields: map[string]string{
		"ErrorCode": "3", "APIVersion": "2", "APIKey": "produce", "CorrelationID": "5", "Topic": "orders",
	}}
	return &back
}

// asCilium returns a record as a consumer of Cilium's gets it.
func asCilium(t testing.TB, r *accesslog.LogRecord) ciliumlog.LogRecord {
	t.Helper()
	f, c := unattached(t), &testutils.FakeConsumer{}
	f.RegisterNewConsumer(c)
	require.NoError(t, f.ours.SendEvent(api.MessageTypeAccessLog, r))
	f.stop()
	record, ok := c.Notifications()[0].Message.(ciliumlog.LogRecord)
	require.True(t, ok)
	return record
}

// TestToCilium compares what a consumer of Cilium's gets with what Cilium's own code sends.
func TestToCilium(t *testing.T) {
	f, c := unattached(t), &testutils.FakeConsumer{}
	f.RegisterNewConsumer(c)
	for _, n := range notifications() {
		require.NoError(t, f.ours.SendEvent(api.MessageTypeAgent, n.ours))
	}
	require.NoError(t, f.ours.SendEvent(0, own{1}))
	require.NoError(t, f.ours.SendEvent(0, (*accesslog.LogRecord)(nil)))
	f.stop()
	got := c.Notifications()
	for i, n := range notifications() {
		require.Equal(t, ciliumapi.MessageTypeAgent, got[i].Type)
		require.Equal(t, n.cilium, got[i].Message, n.name)
	}
	got = got[len(notifications()):]
	require.Equal(t, own{1}, got[0].Message)
	require.Nil(t, got[1].Message)
}

// TestEachField looks for a field of Cilium's records that none of the records here sets: a new one has to be translated.
func TestEachField(t *testing.T) {
	missing := map[string]bool{}
	var collect func(path string, typ reflect.Type)
	collect = func(path string, typ reflect.Type) {
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[url.URL]() {
			missing[path] = true
			return
		}
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() {
				collect(path+"."+f.Name, f.Type)
			}
		}
	}
	collect("", reflect.TypeFor[ciliumlog.LogRecord]())

	var see func(path string, v reflect.Value)
	see = func(path string, v reflect.Value) {
		if v.IsZero() {
			return
		}
		delete(missing, path)
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[url.URL]() {
			for i := range v.NumField() {
				see(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	for _, r := range records() {
		see("", reflect.ValueOf(asCilium(t, r)))
	}
	// That a side has no address of the other version.
	delete(missing, ".DestinationEndpoint.IPv6")
	delete(missing, ".DestinationEndpoint.Labels")
	require.Empty(t, missing)
}
