// SPDX-License-Identifier: Apache-2.0

package export

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/hubble/filter"
	"github.com/cilium/monitor/hubble/flow"
	"github.com/cilium/monitor/hubble/internal/gaps"
	"github.com/cilium/monitor/interest"
)

// Sink is where an [Exporter] puts events.
type Sink interface {
	// Export takes an event, a flow or a loss, which is the sink's from then on. It is called by one goroutine, in the
	// order of the events. While it has not returned, events wait in the agent's queue, and are lost to this export when
	// that is full: the next event then tells how many. Once ctx ends it returns soon.
	Export(ctx context.Context, ev *observerpb.ExportEvent)

	// Stats tells what became of events so far. It may be called at any time.
	Stats() SinkStats
}

// SinkStats are what became of the events that a [Sink] got. A loss that was told counts as none.
type SinkStats struct {
	Exported uint64 // flows that are where they were to go
	Lost     uint64 // flows that could not be brought there, and are given up
}

// Options are what is exported.
type Options struct {
	// Name is what the agent's statistics and metrics call the export. Of one agent, it is that of no other stream.
	Name string

	Agent   *agent.Agent
	Decoder *flow.Decoder
	Filter  *filter.Filter

	// Skip tells of a flow that the filter matches that it is left out nonetheless; nil leaves none out. An exporter that
	// sends flows over the network can leave out those of its own connection so.
	Skip func(*flowpb.Flow) bool

	// NodeName is that of losses; flows have that of the decoder.
	NodeName string
}

// Stats are the numbers of an export, all of events. All that came for it are
//
//	Exported + Filtered + Malformed + Lost
//
// but for those that are under way.
type Stats struct {
	SinkStats

	Filtered  uint64 // that the filter left out
	Malformed uint64 // that can't be decoded
	Behind    uint64 // of Lost: that the export was too slow for
}

// Exporter brings the events of an agent to a [Sink]. Its methods may be called concurrently.
type Exporter struct {
	opts   Options
	sink   Sink
	missed *gaps.Gaps // of the goroutine
	cancel context.CancelFunc
	ended  chan struct{} // closed at the end of the goroutine

	handled  atomic.Uint64 // events of the stream that are done with, also those that were told lost
	progress chan struct{} // has something when handled may have grown

	filtered, malformed, behind atomic.Uint64
}

// Start begins an export: of all events from now on, until Stop or the end of the agent. The sink is the caller's, to be
// closed after Stop.
//
// Possible errors: those of [agent.Agent.SubscribeEvents].
func Start(opts Options, sink Sink) (*Exporter, error) {
	ctx, cancel := context.WithCancel(context.Background())
	e := &Exporter{
		opts: opts, sink: sink, missed: gaps.New(time.Now()),
		cancel: cancel, ended: make(chan struct{}), progress: make(chan struct{}, 1),
	}
	events, err := e.subscribe(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("export events: %w", err)
	}
	go func() {
		defer close(e.ended)
		defer cancel()
		e.run(ctx, events)
	}()
	return e, nil
}

// subscribe returns the events that the filter can match.
func (e *Exporter) subscribe(ctx context.Context) (iter.Seq[agent.Event], error) {
	events, err := e.opts.Agent.SubscribeEvents(ctx, e.opts.Name, agent.StreamOptions{Interest: e.opts.Filter.Interest()})
	if errors.Is(err, agent.ErrTooManyInterests) { // the filter is asked in any case
		return e.opts.Agent.SubscribeEvents(ctx, e.opts.Name, agent.StreamOptions{Interest: interest.Interest{}})
	}
	return events, err
}

func (e *Exporter) run(ctx context.Context, events iter.Seq[agent.Event]) {
	for ev := range events {
		e.export(ctx, ev)
		e.handled.Add(max(1, ev.Lost))
		select {
		case e.progress <- struct{}{}:
		default:
		}
	}
}

func (e *Exporter) export(ctx context.Context, ev agent.Event) {
	lost := ev.Type == payload.RecordLost
	if lost && ev.CPU == payload.CPULostByReader {
		e.behind.Add(ev.Lost)
	}
	if !lost {
		e.missed.Came(ev)
	}
	if !lost && !e.opts.Filter.MayMatch(ev.Data) {
		e.filtered.Add(1)
		return
	}
	message, err := e.opts.Decoder.Decode(ev)
	if err != nil {
		e.malformed.Add(1)
		return
	}
	switch m := message.(type) {
	case *flowpb.Flow:
		if !e.opts.Filter.Match(m) || e.opts.Skip != nil && e.opts.Skip(m) {
			e.filtered.Add(1)
			return
		}
		e.sink.Export(ctx, &observerpb.ExportEvent{
			Time: m.GetTime(), NodeName: m.GetNodeName(), ResponseTypes: &observerpb.ExportEvent_Flow{Flow: m},
		})
	case *flowpb.LostEvent:
		e.missed.Complete(m, ev)
		e.sink.Export(ctx, &observerpb.ExportEvent{
			Time: timestamppb.New(ev.Time), NodeName: e.opts.NodeName, ResponseTypes: &observerpb.ExportEvent_LostEvents{LostEvents: m},
		})
	default: // what the agent says of itself comes to each stream
		e.filtered.Add(1)
	}
}

// Stop ends the export once all that had come for it by now is with the sink, or ctx ends, whose error it returns then. It
// waits until the sink's method has returned.
func (e *Exporter) Stop(ctx context.Context) error {
	err := e.drain(ctx)
	e.cancel()
	<-e.ended
	return err
}

// drain waits until all that came until now is handled, or can't be any more.
func (e *Exporter) drain(ctx context.Context) error {
	_ = e.opts.Agent.Flush(ctx) // what was sent can still be on its way; that ctx ends is told below
	came := e.came()
	for e.handled.Load() < came {
		select {
		case <-e.progress:
		case <-e.ended:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("export what came until now, %d events left: %w", came-e.handled.Load(), ctx.Err())
		}
	}
	return nil
}

// came returns how many events the agent has for the export or had for it, and how many it has lost.
func (e *Exporter) came() uint64 {
	for _, s := range e.opts.Agent.Stats().Streams {
		if s.Name == e.opts.Name {
			return s.Delivered + s.Lost + s.Lag
		}
	}
	return 0 // the agent has stopped
}

// Stats returns the current numbers.
func (e *Exporter) Stats() Stats {
	s := Stats{SinkStats: e.sink.Stats(), Filtered: e.filtered.Load(), Malformed: e.malformed.Load(), Behind: e.behind.Load()}
	s.Lost += s.Behind
	return s
}
