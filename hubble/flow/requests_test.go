// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/accesslog"
)

// TestRequestsAreBounded checks that the oldest requests are forgotten for new ones, and those alone.
func TestRequestsAreBounded(t *testing.T) {
	var q requests
	known := func(typ accesslog.FlowType, id int) bool {
		_, trace := q.follow(&accesslog.LogRecord{Type: typ, HTTP: &accesslog.LogRecordHTTP{Headers: http.Header{
			requestIDHeader:   {strconv.Itoa(id)},
			traceParentHeader: {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		}}})
		return trace != nil
	}
	for id := range maxRequests {
		known(accesslog.TypeRequest, id)
	}
	known(accesslog.TypeRequest, 5) // again
	require.True(t, known(accesslog.TypeResponse, 0))
	known(accesslog.TypeRequest, maxRequests)
	known(accesslog.TypeRequest, maxRequests+1)
	for id := range maxRequests + 2 {
		require.Equal(t, id >= 2, known(accesslog.TypeResponse, id), id)
	}
}
