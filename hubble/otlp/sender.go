// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	collogpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	minPause = 500 * time.Millisecond
	maxPause = 30 * time.Second
)

// sender sends batches by the SDK's exporter, whose answers it looks at itself: the SDK tells neither what of a batch was
// rejected nor whether it may be sent again. Its methods are called one at a time.
type sender struct {
	exporter *otlploggrpc.Exporter
	answer   answer // to the last request
}

// answer is what a collector says to a request.
type answer struct {
	asked    bool
	err      error // of gRPC
	rejected uint64
}

func newSender(endpoint string, own *ownConnections) (*sender, error) {
	s := new(sender)
	connect := grpc.ConnectParams{Backoff: grpcbackoff.DefaultConfig, MinConnectTimeout: 10 * time.Second}
	connect.Backoff.MaxDelay = maxPause
	var err error
	s.exporter, err = otlploggrpc.New(context.Background(),
		otlploggrpc.WithEndpointURL(endpoint),
		otlploggrpc.WithRetry(otlploggrpc.RetryConfig{Enabled: false}),
		otlploggrpc.WithDialOption(grpc.WithConnectParams(connect), grpc.WithStatsHandler(own), grpc.WithChainUnaryInterceptor(s.intercept)))
	return s, err
}

// intercept keeps the answer to a request.
func (s *sender) intercept(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, conn, opts...)
	s.answer = answer{asked: true, err: err}
	if r, ok := reply.(*collogpb.ExportLogsServiceResponse); ok && err == nil {
		s.answer.rejected = uint64(max(0, r.GetPartialSuccess().GetRejectedLogRecords()))
	}
	return err
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
		return 0, classify(a.err)
	}
}

func (s *sender) close(ctx context.Context) error { return s.exporter.Shutdown(ctx) }

// retryableError is an answer after which the same request may be sent again.
type retryableError struct {
	err   error
	after time.Duration // that the collector asks for; 0 if it asks for none
}

func (e *retryableError) Error() string { return fmt.Sprintf("%v, for now", e.err) }
func (e *retryableError) Unwrap() error { return e.err }

// classify tells errors after which a request may be sent again, as the specification of OTLP has them.
func classify(err error) error {
	s := status.Convert(err)
	after, asked := retryInfo(s)
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return &retryableError{err: err, after: after}
	case codes.ResourceExhausted:
		if asked {
			return &retryableError{err: err, after: after}
		}
		return err
	default:
		return err
	}
}

func retryInfo(s *status.Status) (after time.Duration, ok bool) {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}

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
