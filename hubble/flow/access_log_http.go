// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/api/accesslog"
)

// redacted stands in place of passwords.
const redacted = "HUBBLE_REDACTED"

func httpMessage(typ accesslog.FlowType, r *accesslog.LogRecordHTTP) *flowpb.HTTP {
	m := &flowpb.HTTP{Method: r.Method, Protocol: r.Protocol, Url: urlText(r.URL)}
	if typ != accesslog.TypeRequest { // which has no status
		m.Code = uint32(r.Code)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Headers)) {
		for _, value := range r.Headers[key] {
			m.Headers = append(m.Headers, &flowpb.HTTPHeader{Key: key, Value: value})
		}
	}
	return m
}

// urlText returns a URL without a password, empty if there is none.
func urlText(u *url.URL) string {
	if u == nil {
		return ""
	}
	shown := *u
	if u.User != nil {
		if _, ok := u.User.Password(); ok {
			shown.User = url.UserPassword(u.User.Username(), redacted)
		}
	}
	return shown.String()
}

func httpSummary(typ accesslog.FlowType, r *accesslog.LogRecordHTTP, latency time.Duration) string {
	request := r.Method + " " + urlText(r.URL)
	switch typ {
	case accesslog.TypeRequest:
		return r.Protocol + " " + request
	case accesslog.TypeResponse:
		return fmt.Sprintf("%s %d %dms (%s)", r.Protocol, r.Code, latency.Milliseconds(), request)
	default:
		return ""
	}
}
