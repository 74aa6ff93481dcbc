// SPDX-License-Identifier: Apache-2.0

package accesslog_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

// decodeOther decodes what another version of an agent sends.
func decodeOther(t *testing.T, record any) *accesslog.LogRecord {
	t.Helper()
	buf := bytes.NewBuffer([]byte{api.MessageTypeAccessLog})
	require.NoError(t, gob.NewEncoder(buf).Encode(record))
	got := new(accesslog.LogRecord)
	require.NoError(t, got.Decode(buf.Bytes()))
	return got
}

// Up to Cilium 1.16 addresses of answers are byte slices. That is in the definition of every record's type.
func TestDecodeOldAddresses(t *testing.T) {
	type dns struct {
		Query string
		IPs   []net.IP
		TTL   uint32
	}
	type record struct {
		Info string
		HTTP *accesslog.LogRecordHTTP
		DNS  *dns
	}
	http := httpRecord().HTTP
	require.Equal(t, &accesslog.LogRecord{Info: "i", HTTP: http}, decodeOther(t, record{Info: "i", HTTP: http}))

	got := decodeOther(t, record{DNS: &dns{"example.com.", []net.IP{
		net.IPv4(192, 0, 2, 1), net.IPv4(192, 0, 2, 2).To4(), net.ParseIP("2001:db8::1"), {1, 2, 3}, nil,
	}, 60}})
	require.Equal(t, &accesslog.LogRecord{DNS: &accesslog.LogRecordDNS{Query: "example.com.", TTL: 60, IPs: []netip.Addr{
		netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1"), // and no others
	}}}, got)
}

// opaque has a method that encodes it. One that is malformed has no address and no URL.
type opaque string

func (o opaque) MarshalBinary() ([]byte, error) { return []byte(o), nil }

func (o *opaque) UnmarshalBinary([]byte) error { return errors.New("never decoded") }

func init() {
	gob.Register(map[string][]strange{})
	gob.Register(strange{})
}

// strange has what records have nothing of.
type strange struct {
	Any     any
	Bool    bool
	Float   float64
	Complex complex128
	Array   [3]int16
	Maps    map[int]map[bool]string
	Opaque  opaque
	More    *strange
}

func newStrange() strange {
	return strange{
		Any: map[string][]strange{"a": {{Any: strange{Bool: true}}, {}}}, Bool: true, Float: 1.5, Complex: 2i, Array: [3]int16{1, -2, 3},
		Maps: map[int]map[bool]string{1: {true: "x"}, -2: nil}, Opaque: "o", More: &strange{Any: strange{Float: 2}},
	}
}

// Fields go by name; those that are new, or of another type, are lost, and nothing else.
func TestDecodeOtherFields(t *testing.T) {
	type endpoint struct {
		ID     int64 // signed
		IPv4   string
		IPv6   strange
		Port   uint64 // too large for a port
		Labels []struct {
			Key   string
			Value []string
		}
	}
	type http struct {
		Code    int64
		Method  []byte
		URL     opaque
		Headers map[string][]strange
	}
	type dns struct {
		Query     string
		IPs       []opaque
		QTypes    []strange
		CNAMEs    strange
		Questions []strange
	}
	type record struct {
		New                 strange
		Info                string
		Verdict             int
		SourceEndpoint      endpoint
		DestinationEndpoint string
		Kafka               *struct{ Topic string }
		HTTP                *http
		DNS                 *dns
		L7                  []strange
		Timestamp           string
	}
	some := []strange{newStrange(), {}}
	got := decodeOther(t, record{
		New: newStrange(), Info: "i", Verdict: 1, DestinationEndpoint: "x", Kafka: &struct{ Topic string }{"t"}, L7: some, Timestamp: "now",
		SourceEndpoint: endpoint{ID: 7, IPv4: "10.0.0.1", IPv6: newStrange(), Port: 1 << 16, Labels: []struct {
			Key   string
			Value []string
		}{{"k", []string{"v"}}}},
		HTTP: &http{200, []byte("GET"), "http://user:secret%@host\x00/", map[string][]strange{"Host": some}},
		DNS:  &dns{"q", []opaque{"\x0a\x00\x00\x01", "malformed"}, some, newStrange(), some},
	})
	require.Equal(t, &accesslog.LogRecord{
		Info: "i", Timestamp: "now", Kafka: &accesslog.LogRecordKafka{},
		SourceEndpoint: accesslog.EndpointInfo{IPv4: "10.0.0.1", Labels: []accesslog.Label{{Key: "k"}}},
		HTTP:           &accesslog.LogRecordHTTP{Code: 200, Headers: map[string][]string{}},
		DNS:            &accesslog.LogRecordDNS{Query: "q", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}},
	}, got)
}

// A URL that this side of encoding/gob would refuse with all of the record.
func TestDecodeMalformedURL(t *testing.T) {
	got := decodeOther(t, accesslog.LogRecord{Info: "i", HTTP: &accesslog.LogRecordHTTP{
		Method: "GET", URL: &url.URL{Scheme: "http", Opaque: "//user:secret/x@host"},
	}})
	require.Equal(t, &accesslog.LogRecord{Info: "i", HTTP: &accesslog.LogRecordHTTP{Method: "GET"}}, got)
}

// What nests deep is left out, and what nests deeper than encoding/gob takes it is refused before it fills the stack.
func TestDecodeDeep(t *testing.T) {
	type list struct{ Next *list }
	type record struct {
		Info string
		New  *list
		HTTP *accesslog.LogRecordHTTP
	}
	deep := func(levels int) record {
		var l *list
		for range levels {
			l = &list{l}
		}
		return record{"i", l, &accesslog.LogRecordHTTP{Method: "GET"}}
	}
	require.Equal(t, &accesslog.LogRecord{Info: "i", HTTP: &accesslog.LogRecordHTTP{Method: "GET"}}, decodeOther(t, deep(9_900)))

	buf := bytes.NewBuffer([]byte{api.MessageTypeAccessLog})
	require.NoError(t, gob.NewEncoder(buf).Encode(deep(10_000)))
	require.ErrorIs(t, new(accesslog.LogRecord).Decode(buf.Bytes()), api.ErrMalformed)
}
