// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/accesslog"
)

// TestAccessLog checks that a response has what is known of the request: how long it took, and the trace.
func TestAccessLog(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	d := knowing()
	at := func(typ accesslog.FlowType, id int, seconds float64) *flowpb.Flow {
		r := accesslog.LogRecord{
			Type: typ, Timestamp: when.Add(time.Duration(seconds * float64(time.Second))).Format(time.RFC3339Nano), TransportProtocol: 6,
			SourceEndpoint: accesslog.EndpointInfo{ID: 12, IPv4: "10.0.0.1", Port: 34567}, DestinationEndpoint: accesslog.EndpointInfo{IPv4: "10.0.0.2", Port: 80},
			HTTP: &accesslog.LogRecordHTTP{
				Method: "GET", Protocol: "HTTP/1.1", URL: &url.URL{Scheme: "http", Host: "a", Path: "/b", User: url.UserPassword("u", "secret")},
				Headers: http.Header{"X-Request-Id": {strconv.Itoa(id)}, "Traceparent": {"00-" + trace + "-b7ad6b7169203331-01"}},
			},
		}
		sample, err := r.Append(nil)
		require.NoError(t, err)
		m, err := d.Decode(event(sample))
		require.NoError(t, err)
		return m.(*flowpb.Flow)
	}
	request := at(accesslog.TypeRequest, 0, 1)
	require.Equal(t, "HTTP/1.1 GET http://u:HUBBLE_REDACTED@a/b", request.GetSummary())
	require.Equal(t, "web-1", request.GetSource().GetPodName())
	require.Equal(t, trace, request.GetTraceContext().GetParent().GetTraceId())
	for range 2 { // as often as it is asked for
		response := at(accesslog.TypeResponse, 0, 1.5)
		require.Equal(t, 500*time.Millisecond, time.Duration(response.GetL7().GetLatencyNs()))
		require.Equal(t, trace, response.GetTraceContext().GetParent().GetTraceId())
	}
	require.Zero(t, at(accesslog.TypeResponse, 0, 0.5).GetL7().GetLatencyNs(), "before the request")
}
