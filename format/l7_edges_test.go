// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// record returns an access log record of a request that says nothing but what change does.
func record(t *testing.T, change func(r *accesslog.LogRecord)) *payload.Payload {
	t.Helper()
	r := accesslog.LogRecord{Type: accesslog.TypeRequest}
	change(&r)
	data, err := r.Append(nil)
	require.NoError(t, err)
	return sample(data)
}

// TestRecordsThatSayLittle leaves out what a record does not say.
func TestRecordsThatSayLittle(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(r *accesslog.LogRecord)
	}{
		{"l7   unknown-l7 request\n", func(*accesslog.LogRecord) {}},
		{"l7   unknown-l7 request\n", func(r *accesslog.LogRecord) { r.SourceEndpoint.IPv4 = "10.0.0.1" }},
		{"l7   unknown-l7 request\n", func(r *accesslog.LogRecord) { r.DestinationEndpoint.IPv4 = "10.0.0.1" }},
		{"l7   10.0.0.1 -> 10.0.0.2 unknown-l7 request\n", func(r *accesslog.LogRecord) {
			r.SourceEndpoint.IPv4, r.DestinationEndpoint.IPv4 = "10.0.0.1", "10.0.0.2"
		}},
		{"l7   10.0.0.1:7 -> 10.0.0.2:0 unknown-l7 request\n", func(r *accesslog.LogRecord) {
			r.SourceEndpoint.IPv4, r.DestinationEndpoint.IPv4, r.SourceEndpoint.Port = "10.0.0.1", "10.0.0.2", 7
		}},
		{"l7   10.0.0.1:0 -> 10.0.0.2:7 unknown-l7 request\n", func(r *accesslog.LogRecord) {
			r.SourceEndpoint.IPv4, r.DestinationEndpoint.IPv4, r.DestinationEndpoint.Port = "10.0.0.1", "10.0.0.2", 7
		}},
		{"l7   unknown-l7 request: Redirected\n", func(r *accesslog.LogRecord) { r.Verdict = accesslog.VerdictRedirected }},
		{"l7   unknown-l7 request: why, egress\n", func(r *accesslog.LogRecord) {
			r.Info, r.ObservationPoint = "why", accesslog.Egress
		}},
		{"l7   unknown-l7 request: from endpoint 3, to identity host\n", func(r *accesslog.LogRecord) {
			r.SourceEndpoint.ID, r.DestinationEndpoint.Identity = 3, 1
		}},
		{"l7   unknown-l7 request: to endpoint 3, from identity host\n", func(r *accesslog.LogRecord) {
			r.DestinationEndpoint.ID, r.SourceEndpoint.Identity = 3, 1
		}},
		{"l7   http request GET\n", func(r *accesslog.LogRecord) {
			r.HTTP = &accesslog.LogRecordHTTP{Method: "GET"}
		}},
		{"l7   http request GET http:user:xxxxx@example.com\n", func(r *accesslog.LogRecord) {
			r.HTTP = &accesslog.LogRecordHTTP{Method: "GET", URL: &url.URL{Scheme: "http", Opaque: "user:password@example.com"}}
		}},
		{"l7   dns request example. A,AAAA,TYPE65280\n", func(r *accesslog.LogRecord) {
			r.DNS = &accesslog.LogRecordDNS{Query: "example.", QTypes: []uint16{1, 28, 65280}, TTL: 7}
		}},
		{"l7   dns request example. CNAMEs: a.,b.,c.\n", func(r *accesslog.LogRecord) {
			r.DNS = &accesslog.LogRecordDNS{Query: "example.", CNAMEs: []string{"a.", "b.", "c."}}
		}},
	} {
		require.Equal(t, c.want, print(format.Options{}, record(t, c.change)))
	}
}

// TestDNSResponseCodes has the codes around those that have a name.
func TestDNSResponseCodes(t *testing.T) {
	for code, want := range map[int]string{
		-1: " RCode: -1", 0: "", 1: " RCode: 1 (Format Error)", 15: " RCode: 15 (Unknown)", 16: " RCode: 16",
	} {
		require.Equal(t, "l7   dns request example."+want+"\n", print(format.Options{}, record(t, func(r *accesslog.LogRecord) {
			r.DNS = &accesslog.LogRecordDNS{Query: "example.", RCode: code}
		})))
	}
}

// TestCiliumRecords has what Cilium prints of what is seldom.
func TestCiliumRecords(t *testing.T) {
	const head = "?? Request "
	dns := accesslog.LogRecordDNS{
		Query: "example.", ObservationSource: "proxy", QTypes: []uint16{1, 28}, TTL: 7,
		IPs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, CNAMEs: []string{"a.", "b.", "c."},
	}
	for _, c := range []struct {
		want   string
		change func(r *accesslog.LogRecord)
	}{
		{"", func(r *accesslog.LogRecord) { r.Type = accesslog.TypeSample }},
		{"\n", func(r *accesslog.LogRecord) { r.Type, r.DNS = accesslog.TypeSample, &dns }},
		{head + "dns from 0 ([]) to 0 ([]), identity 0->0, verdict  DNS proxy: example. A,AAAA\n", func(r *accesslog.LogRecord) {
			r.DNS = &dns
		}},
		{"?? Response dns to 0 ([]) from 0 ([]), identity 0->0, verdict  DNS proxy: example. A,AAAA TTL: 7 Answer: '192.0.2.1' CNAMEs: a.,b.,c.\n", func(r *accesslog.LogRecord) {
			r.Type, r.DNS = accesslog.TypeResponse, &dns
		}},
		{head + "r2d2 from 0 ([]) to 0 ([]), identity 0->0, verdict  a:1 z:2 => status:ok\n", func(r *accesslog.LogRecord) {
			r.L7 = &accesslog.LogRecordL7{Proto: "r2d2", Fields: map[string]string{"z": "2", "status": "ok", "a": "1"}}
		}},
		{head + "http from 0 ([]) to 0 ([]), identity 0->0, verdict  GET  => 0\n", func(r *accesslog.LogRecord) {
			r.HTTP = &accesslog.LogRecordHTTP{Method: "GET"}
		}},
	} {
		ev := format.NewEvent(interfaceName)
		ev.Decode(record(t, c.change))
		require.Equal(t, "before "+c.want, string(format.New(ciliumLine).Append([]byte("before "), ev)))
	}
}

// TestRecordOfAllProtocolsInJSON has a member for each, and none for what a record does not say.
func TestRecordOfAllProtocolsInJSON(t *testing.T) {
	members := func(change func(r *accesslog.LogRecord)) (all map[string]any) {
		require.NoError(t, json.Unmarshal([]byte(print(format.Options{Output: format.OutputJSON}, record(t, change))), &all))
		return all
	}
	none := members(func(*accesslog.LogRecord) {})
	for _, member := range []string{"info", "http", "kafka", "dns", "l7"} {
		require.NotContains(t, none, member)
	}
	all := members(func(r *accesslog.LogRecord) {
		r.Info = "why"
		r.HTTP = &accesslog.LogRecordHTTP{URL: &url.URL{Scheme: "http", Opaque: "user:password@example.com"}}
		r.Kafka = &accesslog.LogRecordKafka{APIKey: "produce"}
		r.DNS = &accesslog.LogRecordDNS{Query: "example."}
		r.L7 = &accesslog.LogRecordL7{Proto: "r2d2"}
	})
	require.Equal(t, "why", all["info"])
	require.Equal(t, "user:xxxxx@example.com", all["http"].(map[string]any)["URL"].(map[string]any)["Opaque"])
	require.Contains(t, all["kafka"], "APIKey")
	require.Equal(t, map[string]any{"Query": "example."}, all["dns"])
	require.Contains(t, all["l7"], "Proto")
}

// TestRecordColors makes denials and errors stand out.
func TestRecordColors(t *testing.T) {
	for verdict, want := range map[accesslog.FlowVerdict]string{
		accesslog.VerdictForwarded:  "l7   unknown-l7 request: Forwarded\n",
		accesslog.VerdictRedirected: "l7   unknown-l7 request: Redirected\n",
		accesslog.VerdictDenied:     "\x1b[1;31ml7\x1b[0m   unknown-l7 request: \x1b[1;31mDenied\x1b[0m\n",
		accesslog.VerdictError:      "\x1b[33ml7\x1b[0m   unknown-l7 request: \x1b[33mError\x1b[0m\n",
	} {
		require.Equal(t, want, print(format.Options{Color: true}, record(t, func(r *accesslog.LogRecord) { r.Verdict = verdict })))
	}
}
