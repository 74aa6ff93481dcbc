// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	otellog "go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/hubble/export"
)

// sink makes log records of events and sends them, on a goroutine of its own. It never has more than a batch.
type sink struct {
	opts     Options
	node     string
	sender   *sender
	own      *ownConnections
	provider *sdklog.LoggerProvider
	logger   otellog.Logger

	events chan *observerpb.ExportEvent

	ctx     context.Context // of requests
	cancel  context.CancelFunc
	ended   chan struct{} // closed at the end of the goroutine
	lastTry chan struct{} // closed when nothing is sent again
	endOnce sync.Once     // closes it

	// Of the goroutine.
	batch  batch
	untold uint64 // events that are lost, and that no record tells of

	exported, lost atomic.Uint64
}

// batch is what is sent at once. It is a processor of the SDK: the records that a logger emits come to it.
type batch struct {
	records []sdklog.Record
	flows   uint64 // of records
	told    uint64 // events whose loss the others tell
}

// OnEmit implements sdklog.Processor.
func (b *batch) OnEmit(_ context.Context, r *sdklog.Record) error {
	b.records = append(b.records, r.Clone())
	return nil
}

// Enabled implements sdklog.Processor.
func (b *batch) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

// Shutdown implements sdklog.Processor. The sink sends what is left.
func (b *batch) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdklog.Processor.
func (b *batch) ForceFlush(context.Context) error { return nil }

// clear makes room for the next one.
func (b *batch) clear() {
	clear(b.records)
	*b = batch{records: b.records[:0]}
}

// openSink returns a sink, which must be closed.
func openSink(node string, opts Options) (*sink, error) {
	own := newOwnConnections()
	sender, err := newSender(opts, own)
	if err != nil {
		return nil, err
	}
	res, err := newResource(node, opts.Version)
	if err != nil {
		return nil, errors.Join(err, sender.close(context.Background()))
	}
	s := &sink{
		opts: opts, node: node, sender: sender, own: own,
		events: make(chan *observerpb.ExportEvent), ended: make(chan struct{}), lastTry: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.provider = sdklog.NewLoggerProvider(sdklog.WithProcessor(&s.batch), sdklog.WithResource(res), sdklog.WithAttributeValueLengthLimit(maxValueLen))
	s.logger = s.provider.Logger("github.com/cilium/monitor/hubble/otlp", otellog.WithSchemaURL(schemaURL))
	go func() {
		defer close(s.ended)
		s.run()
	}()
	return s, nil
}

// Export implements [export.Sink].
func (s *sink) Export(ctx context.Context, ev *observerpb.ExportEvent) {
	select {
	case s.events <- ev:
	case <-ctx.Done():
		if ev.GetFlow() != nil {
			s.lost.Add(1)
		}
	}
}

// Stats implements [export.Sink].
func (s *sink) Stats() export.SinkStats {
	return export.SinkStats{Exported: s.exported.Load(), Lost: s.lost.Load()}
}

// endRetries has each batch tried once from now on.
func (s *sink) endRetries() { s.endOnce.Do(func() { close(s.lastTry) }) }

// close sends what is left, until ctx ends, and ends the sink. It comes after the last Export.
func (s *sink) close(ctx context.Context) error {
	s.endRetries()
	close(s.events)
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	<-s.ended
	s.cancel()
	err := errors.Join(s.provider.Shutdown(ctx), s.sender.close(ctx))
	if s.untold > 0 {
		err = errors.Join(fmt.Errorf("%d events were lost at the end", s.untold), err)
	}
	if err != nil {
		return fmt.Errorf("export flows to %s: %w", s.opts.Endpoint, err)
	}
	return nil
}

// run sends what comes, until there is nothing more.
func (s *sink) run() {
	due := time.NewTimer(maxBatchDelay)
	due.Stop()
	for {
		select {
		case ev, more := <-s.events:
			if !more {
				s.flush()
				s.emitUntold()
				s.flush()
				return
			}
			if len(s.batch.records) == 0 {
				due.Reset(maxBatchDelay)
			}
			s.emit(ev)
			if len(s.batch.records) < maxBatch {
				continue
			}
		case <-due.C:
		}
		due.Stop()
		s.flush()
	}
}

// emit puts an event into the batch, after what could not be sent before.
func (s *sink) emit(ev *observerpb.ExportEvent) {
	s.emitUntold()
	if f := ev.GetFlow(); f != nil {
		ctx, record := flowRecord(s.ctx, f)
		s.logger.Emit(ctx, record)
		s.batch.flows++
	} else if loss := ev.GetLostEvents(); loss != nil {
		s.logger.Emit(s.ctx, lossRecord(ev.GetTime(), loss))
		s.batch.told += loss.GetNumEventsLost()
	}
}

// emitUntold puts a record of what is lost and not told yet into the batch.
func (s *sink) emitUntold() {
	if s.untold == 0 {
		return
	}
	s.logger.Emit(s.ctx, lossRecord(timestamppb.Now(), &flowpb.LostEvent{
		Source: flowpb.LostEventSource_HUBBLE_RING_BUFFER, NumEventsLost: s.untold,
	}))
	s.batch.told += s.untold
	s.untold = 0
}

// flush sends the batch, again and again if need be.
func (s *sink) flush() {
	if len(s.batch.records) == 0 {
		return
	}
	defer s.batch.clear()
	log := s.opts.Log.WithField("endpoint", s.opts.Endpoint)
	away := false // that is logged
	for pauses := newPauses(); ; {
		rejected, err := s.sender.send(s.ctx, s.batch.records)
		if err == nil {
			if away {
				log.Info("The collector takes flows again")
			}
			if rejected > 0 {
				log.WithField("records", rejected).Error("The collector rejected flows")
			}
			s.account(rejected)
			return
		}
		var again *retryableError
		if !errors.As(err, &again) || !s.pause(pauses.next(again.after)) {
			log.WithError(err).WithField("records", len(s.batch.records)).Error("Exporting flows to a collector failed, they are lost")
			s.account(uint64(len(s.batch.records)))
			return
		}
		if !away {
			away = true
			log.WithError(err).Warn("The collector takes no flows, trying again")
		}
	}
}

// account counts what became of the batch, of which so many records are lost. Which ones nobody says: flows, as far as that
// goes.
func (s *sink) account(rejected uint64) {
	flows := min(rejected, s.batch.flows)
	s.exported.Add(s.batch.flows - flows)
	s.lost.Add(flows)
	s.untold += flows
	if rejected > flows {
		s.untold += s.batch.told
	}
}

// pause waits before the next try, and returns false if there is none.
func (s *sink) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.lastTry:
		return false
	}
}
