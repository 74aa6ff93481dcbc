// SPDX-License-Identifier: Apache-2.0

package accesslog_test

import (
	"bytes"
	"encoding/gob"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

func httpRecord() *accesslog.LogRecord {
	dropReason := uint16(181)
	return &accesslog.LogRecord{
		Type:             accesslog.TypeRequest,
		Timestamp:        "2026-11-22T10:00:00.000000001Z",
		NodeAddressInfo:  accesslog.NodeAddressInfo{IPv4: "192.0.2.1", IPv6: "2001:db8::1"},
		ObservationPoint: accesslog.Ingress,
		SourceEndpoint: accesslog.EndpointInfo{
			ID: 7, IPv4: "10.0.0.1", Port: 4242, Identity: 1 << 40,
			Labels: []accesslog.Label{{Key: "app", Value: "web", Source: "k8s"}},
		},
		DestinationEndpoint: accesslog.EndpointInfo{ID: 8, IPv6: "fd00::2", Port: 80},
		IPVersion:           accesslog.VersionIPv6,
		Verdict:             accesslog.VerdictDenied,
		Info:                "rule 1",
		Metadata:            []string{"a", "b"},
		TransportProtocol:   6,
		FlowEvent:           "FlowAdded",
		ServiceInfo:         &accesslog.ServiceInfo{Name: "svc", IPPort: accesslog.IPPort{IP: "10.96.0.1", Port: 443}},
		DropReason:          &dropReason,
		HTTP: &accesslog.LogRecordHTTP{
			Code: 403, Method: "GET", URL: &url.URL{Scheme: "https", Host: "example.com", Path: "/x", RawQuery: "y=1"},
			Protocol: "HTTP/1.1", Headers: http.Header{"Host": {"example.com"}, "Accept": {"a", "b"}},
			MissingHeaders: http.Header{"X-Token": {"t"}}, RejectedHeaders: http.Header{"X-Bad": {"b"}},
		},
	}
}

func kafkaRecord() *accesslog.LogRecord {
	return &accesslog.LogRecord{
		Type: accesslog.TypeRequest, Verdict: accesslog.VerdictDenied,
		Kafka: &accesslog.LogRecordKafka{
			ErrorCode: 29, APIVersion: -1, APIKey: "produce", CorrelationID: 7, Topic: accesslog.KafkaTopic{Topic: "empire-announce"},
		},
	}
}

func dnsRecord() *accesslog.LogRecord {
	return &accesslog.LogRecord{
		Type: accesslog.TypeResponse, ObservationPoint: accesslog.Egress, Verdict: accesslog.VerdictForwarded,
		DNS: &accesslog.LogRecordDNS{
			Query: "example.com.", IPs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
			TTL: 60, CNAMEs: []string{"www.example.com."}, ObservationSource: "proxy", RCode: 3, QTypes: []uint16{1, 28},
			AnswerTypes: []uint16{5},
		},
	}
}

func l7Record() *accesslog.LogRecord {
	return &accesslog.LogRecord{
		Type: accesslog.TypeSample, Verdict: accesslog.VerdictRedirected,
		L7: &accesslog.LogRecordL7{Proto: "kafka", Fields: map[string]string{"topic": "t"}},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, want := range []*accesslog.LogRecord{httpRecord(), kafkaRecord(), dnsRecord(), l7Record(), {}} {
		sample, err := want.Append([]byte("prefix"))
		require.NoError(t, err)
		require.Equal(t, "prefix", string(sample[:6]))
		sample = sample[6:]
		typ, err := api.MessageType(sample)
		require.NoError(t, err)
		require.Equal(t, api.MessageTypeAccessLog, typ)

		got := *httpRecord()
		require.NoError(t, got.Decode(sample))
		require.Equal(t, *want, got, "and nothing of the record before")
	}
}

func TestDecodeErrors(t *testing.T) {
	sample, err := dnsRecord().Append(nil)
	require.NoError(t, err)
	got := *l7Record()
	for want, sample := range map[error][]byte{
		api.ErrTruncated:   {},
		api.ErrUnknownType: {6, 1},
		api.ErrWrongType:   {api.MessageTypeAgent, 1},
		api.ErrMalformed:   sample[:len(sample)-1],
		api.ErrOversized:   append([]byte{api.MessageTypeAccessLog}, make([]byte, 1<<20)...),
	} {
		err := got.Decode(sample)
		require.ErrorIs(t, err, want)
		var e *api.DecodeError
		require.ErrorAs(t, err, &e)
		require.Equal(t, len(sample), e.Got)
		require.Equal(t, *l7Record(), got, "unchanged after an error")
	}
}

// TestLargest decodes a record of the largest size that there may be.
func TestLargest(t *testing.T) {
	want := httpRecord()
	for {
		sample, err := want.Append(nil)
		require.NoError(t, err)
		if missing := api.MaxUserEventSize - len(sample); missing > 0 {
			want.Info += strings.Repeat("x", missing)
			continue
		} else if missing < 0 { // the lengths take more bytes, too
			want.Info = want.Info[:len(want.Info)+missing]
			continue
		}
		var got accesslog.LogRecord
		require.NoError(t, got.Decode(sample))
		require.Equal(t, *want, got)
		return
	}
}

// brokenURL is a URL that can't be parsed.
type brokenURL struct{}

func (brokenURL) MarshalBinary() ([]byte, error) { return []byte("http://user:secret@host:port/"), nil }

// TestDecodeBrokenURL checks that the error does not tell a password.
func TestDecodeBrokenURL(t *testing.T) {
	type httpPart struct{ URL *brokenURL }
	type record struct{ HTTP *httpPart }
	buf := bytes.NewBuffer([]byte{api.MessageTypeAccessLog})
	require.NoError(t, gob.NewEncoder(buf).Encode(record{&httpPart{&brokenURL{}}}))
	err := new(accesslog.LogRecord).Decode(buf.Bytes())
	require.ErrorIs(t, err, api.ErrMalformed)
	require.ErrorContains(t, err, "the URL cannot be parsed")
	require.NotContains(t, err.Error(), "secret")
}

func FuzzLogRecord(f *testing.F) {
	for _, r := range []*accesslog.LogRecord{httpRecord(), kafkaRecord(), dnsRecord(), l7Record(), {}} {
		sample, err := r.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sample)
		f.Add(sample[:len(sample)-1])
	}
	f.Fuzz(func(t *testing.T, sample []byte) {
		var got, again, oracle accesslog.LogRecord
		err := got.Decode(sample)
		if len(sample) > 0 && sample[0] == api.MessageTypeAccessLog && gob.NewDecoder(bytes.NewReader(sample[1:])).Decode(&oracle) == nil {
			require.NoError(t, err)
			require.Equal(t, oracle, got)
		}
		if err != nil {
			var e *api.DecodeError
			require.ErrorAs(t, err, &e)
			return
		}
		encoded, err := got.Append(nil)
		require.NoError(t, err)
		require.NoError(t, again.Decode(encoded))
		third, err := again.Append(nil)
		require.NoError(t, err)
		require.Len(t, third, len(encoded), "the order of maps apart, the same bytes")
	})
}

func BenchmarkDecode(b *testing.B) {
	sample, err := httpRecord().Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	var got accesslog.LogRecord
	b.ReportAllocs()
	for b.Loop() {
		if err := got.Decode(sample); err != nil {
			b.Fatal(err)
		}
	}
}
