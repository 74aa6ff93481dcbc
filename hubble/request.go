// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/interest"
)

// streamName is what statistics and metrics of the agent call those who read events through Hubble's API.
const streamName = "hubble"

// request is what the requests for flows, agent events and debug events have in common.
type request interface {
	GetNumber() uint64
	GetFirst() bool
	GetFollow() bool
	GetSince() *timestamppb.Timestamp
	GetUntil() *timestamppb.Timestamp
}

// span is the part of all events, past and to come, that a request asks for: of those between two times the first or the
// last so many, and if it follows all that come.
type span struct {
	first, last  int // events; 0 for all
	since, until time.Time
	follow       bool
}

func newSpan(r request) (s span, err error) {
	if s.since, err = timeOf("since", r.GetSince()); err != nil {
		return s, err
	}
	if s.until, err = timeOf("until", r.GetUntil()); err != nil {
		return s, err
	}
	if r.GetFirst() && r.GetFollow() {
		return s, status.Error(codes.InvalidArgument, "first cannot be specified with follow")
	}
	s.follow = r.GetFollow() && !s.over(time.Now())
	number := 0 // MaxUint64 is how the command line says all
	if n := r.GetNumber(); n <= math.MaxInt32 {
		number = int(n)
	}
	switch {
	case r.GetFirst():
		s.first = number
	case s.follow && !s.since.IsZero(): // all since then
	default:
		s.last = number
	}
	return s, nil
}

func timeOf(what string, ts *timestamppb.Timestamp) (time.Time, error) {
	if ts == nil {
		return time.Time{}, nil
	}
	if err := ts.CheckValid(); err != nil {
		return time.Time{}, status.Errorf(codes.InvalidArgument, "%s: %v", what, err)
	}
	return ts.AsTime(), nil
}

// complete returns since when a request that comes now has all events; zero if that is not known.
func (s span) complete(now time.Time) time.Time {
	if s.since.IsZero() && s.follow && s.last == 0 {
		return now
	}
	return s.since
}

// contains tells whether a time is not before the span, and not after it.
func (s span) contains(at time.Time) bool { return !at.Before(s.since) && !s.over(at) }

func (s span) over(at time.Time) bool { return !s.until.IsZero() && at.After(s.until) }

// beginning is before the first event of any history.
var beginning = time.Unix(0, 1)

// options returns the stream of events of the span that match.
func (s span) options(wants interest.Interest, match func(agent.Event) bool) agent.StreamOptions {
	opts := agent.StreamOptions{
		Interest: wants, Since: s.since, Until: s.until, Last: s.last, Past: !s.follow,
		Match: func(e agent.Event) bool { return s.contains(e.Time) && match(e) },
	}
	if s.since.IsZero() && s.last == 0 && !s.follow {
		opts.Since = beginning
	}
	return opts
}

// open returns the events of a span, until ctx ends.
func (o *observer) open(ctx context.Context, opts agent.StreamOptions) (iter.Seq[agent.Event], error) {
	events, err := o.agent.SubscribeEvents(ctx, streamName, opts)
	if err != nil {
		return nil, status.Error(codes.Unavailable, fmt.Sprintf("read events: %v", err))
	}
	return events, nil
}

// decode decodes an event for a request.
func (o *observer) decode(e agent.Event) (proto.Message, error) {
	m, err := o.decoder.Decode(e)
	if err != nil {
		o.metrics.Malformed.Inc()
	}
	return m, err
}

// scan has a function look at the events of flows that the history has since a time. It may keep nothing of them.
func (o *observer) scan(ctx context.Context, since time.Time, look func(agent.Event)) error {
	events, err := o.open(ctx, agent.StreamOptions{Since: since, Past: true, Interest: flowEvents, Match: func(e agent.Event) bool {
		if flowEvents.Wants(e.Data) {
			look(e)
		}
		return false
	}})
	if err != nil {
		return err
	}
	for range events { // of losses
	}
	return ctx.Err()
}
