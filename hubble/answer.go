// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/hubble/internal/gaps"
	"github.com/cilium/monitor/hubble/metrics"
	"github.com/cilium/monitor/interest"
)

// answer is how a request is answered with messages of type M.
type answer[M any] struct {
	// wants has all events that pick picks something of.
	wants interest.Interest

	// pick returns what is sent of an event, if anything is.
	pick func(agent.Event) (m M, ok bool)

	// send sends it, and sent counts it.
	send func(at time.Time, m M) error
	sent prometheus.Counter

	// lost tells that events are missing; nil if the API has no message for that.
	lost func(at time.Time, loss *flowpb.LostEvent) error
}

// answerRequest answers a request, until it has all that it asked for, or its client is gone.
func answerRequest[M any](o *observer, stream grpc.ServerStream, r request, a answer[M]) error {
	s, err := newSpan(r)
	if err != nil {
		return err
	}
	ctx := stream.Context()
	if s.follow {
		defer o.decoder.follow()()
	}
	var picked M // of the event that is looked at
	missed := gaps.New(s.complete(time.Now()))
	reading := false // to know where it begins, events are looked at backwards
	events, err := o.open(ctx, s.options(a.wants, func(e agent.Event) (ok bool) {
		if reading {
			missed.Came(e)
		}
		picked, ok = a.pick(e)
		return ok
	}))
	if err != nil {
		return err
	}
	// The client knows by the header that it misses nothing from here on.
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	sent := 0
	reading = true
	for e := range events {
		if e.Type == payload.RecordLost {
			// Of what this reader missed it is not known when that came.
			if a.lost != nil && (e.CPU == payload.CPULostByReader || s.contains(e.Time)) {
				if err := o.tellLoss(e, missed, a.lost); err != nil {
					return err
				}
			}
			continue
		}
		if err := a.send(e.Time, picked); err != nil {
			return err
		}
		a.sent.Inc()
		if sent++; sent == s.first {
			return nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	case s.follow && !s.over(time.Now()):
		return status.Error(codes.Unavailable, "the agent stops")
	default:
		return nil
	}
}

// tellLoss tells of a loss, which is not another one's, so that it is not decoded for others.
func (o *observer) tellLoss(e agent.Event, missed *gaps.Gaps, tell func(time.Time, *flowpb.LostEvent) error) error {
	m, err := o.decoder.decoder.Decode(e)
	if loss, ok := m.(*flowpb.LostEvent); ok && err == nil {
		missed.Complete(loss, e)
		if err := tell(e.Time, loss); err != nil {
			return err
		}
		o.metrics.Lost.WithLabelValues(lossSource(e)).Add(float64(e.Lost))
	}
	return err
}

// lossSource returns what a loss is counted as.
func lossSource(e agent.Event) string {
	switch _, limited := e.RateLimited(); {
	case limited:
		return metrics.LostByRateLimit
	case e.CPU == payload.CPULostByReader:
		return metrics.LostByReader
	default:
		return metrics.LostByDatapath
	}
}
