// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"sync"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/api/accesslog"
)

// maxRequests bounds the requests that are remembered.
const maxRequests = 10_000

// requestIDHeader has the id that Envoy gives to a request, and to the response to it.
const requestIDHeader = "X-Request-Id"

// requests remembers HTTP requests for what their responses do not say: how long they took, and in which trace they are. A
// response is asked for as often as it is decoded, so its request stays until newer ones take its place. The zero value is
// ready for use.
type requests struct {
	mu    sync.Mutex
	known map[string]request // guarded by mu
	order []string           // guarded by mu; the ids in known, a ring once it is full
	next  int                // guarded by mu; the oldest in order, once it is full
}

// request is what is remembered of a request.
type request struct {
	time    time.Time // zero if it is not known
	traceID string
}

// follow takes note of a record if it is a request, and returns what is known of it, or of the request that it answers.
func (q *requests) follow(r *accesslog.LogRecord) (latency time.Duration, trace *flowpb.TraceContext) {
	if r.HTTP == nil {
		return 0, nil
	}
	id := r.HTTP.Headers.Get(requestIDHeader)
	at, _ := time.Parse(time.RFC3339Nano, r.Timestamp)
	switch r.Type {
	case accesslog.TypeRequest:
		asked := request{at, traceID(r.HTTP.Headers.Get(traceParentHeader))}
		if id != "" {
			q.remember(id, asked)
		}
		return 0, traceContext(asked.traceID)
	case accesslog.TypeResponse:
		asked, ok := q.request(id)
		if !ok {
			return 0, nil
		}
		if !at.IsZero() && !asked.time.IsZero() {
			latency = max(0, at.Sub(asked.time))
		}
		return latency, traceContext(asked.traceID)
	default:
		return 0, nil
	}
}

func (q *requests) request(id string) (request, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	asked, ok := q.known[id]
	return asked, ok
}

func (q *requests) remember(id string, asked request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.known[id]; ok {
		q.known[id] = asked
		return
	}
	if q.known == nil {
		q.known = make(map[string]request)
	}
	if len(q.order) < maxRequests {
		q.order = append(q.order, id)
	} else {
		delete(q.known, q.order[q.next])
		q.order[q.next] = id
		q.next = (q.next + 1) % maxRequests
	}
	q.known[id] = asked
}

// traceContext returns the trace with an id, nil if there is none.
func traceContext(id string) *flowpb.TraceContext {
	if id == "" {
		return nil
	}
	return &flowpb.TraceContext{Parent: &flowpb.TraceParent{TraceId: id}}
}
