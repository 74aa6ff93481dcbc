// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	collogpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
)

const (
	minPause = 500 * time.Millisecond
	maxPause = 30 * time.Second
)

// sender sends batches by an exporter of the SDK, whose answers it looks at itself: the SDK tells neither what of a batch was
// rejected nor whether it may be sent again. Its methods are called one at a time.
type sender struct {
	exporter sdklog.Exporter
	answer   answer // to the last request, which the connection puts here
	release  func() // closes what the exporter leaves open; nil if that is nothing
}

// answer is what a collector says to a request.
type answer struct {
	asked    bool
	err      error // a *retryableError if the same request may be sent again
	rejected uint64
}

// newSender returns a sender for one of the protocols. It must be closed.
func newSender(opts Options, own *ownConnections) (*sender, error) {
	if opts.protocol() == ProtocolHTTP {
		return newHTTPSender(opts.Endpoint, own)
	}
	return newGRPCSender(opts.Endpoint, own)
}

// taken is the answer of a collector that has taken a batch, but for what it says that it has rejected.
func taken(r *collogpb.ExportLogsServiceResponse) answer {
	return answer{asked: true, rejected: uint64(max(0, r.GetPartialSuccess().GetRejectedLogRecords()))}
}

// send sends records, once. It returns how many of them the collector has rejected.
//
// Possible errors: [*retryableError].
func (s *sender) send(ctx context.Context, records []sdklog.Record) (rejected uint64, err error) {
	s.answer = answer{}
	err = s.exporter.Export(ctx, records)
	switch a := s.answer; {
	case !a.asked:
		return 0, err
	case a.err == nil:
		return min(a.rejected, uint64(len(records))), nil
	default:
		return 0, a.err
	}
}

func (s *sender) close(ctx context.Context) error {
	err := s.exporter.Shutdown(ctx)
	if s.release != nil {
		s.release()
	}
	return err
}

// retryableError is an answer after which the same request may be sent again.
type retryableError struct {
	err   error
	after time.Duration // that the collector asks for; 0 if it asks for none
}

func (e *retryableError) Error() string { return fmt.Sprintf("%v, for now", e.err) }
func (e *retryableError) Unwrap() error { return e.err }

// pauses grow from try to try.
type pauses struct{ backoff *backoff.ExponentialBackOff }

func newPauses() pauses {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = minPause, maxPause
	b.Reset()
	return pauses{b}
}

// next returns the next pause, which is at least the one that the collector asks for, as far as that is reasonable.
func (p pauses) next(asked time.Duration) time.Duration {
	return max(p.backoff.NextBackOff(), min(asked, maxPause))
}
