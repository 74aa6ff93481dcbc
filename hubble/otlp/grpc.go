// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	collogpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func newGRPCSender(endpoint string, own *ownConnections) (*sender, error) {
	s := new(sender)
	// The pauses between tries are the sink's: longer ones here would have tries fail that do not try.
	connect := grpc.ConnectParams{Backoff: grpcbackoff.Config{BaseDelay: minPause / 2, MaxDelay: minPause / 2}, MinConnectTimeout: defaultTimeout}
	exporter, err := otlploggrpc.New(context.Background(),
		otlploggrpc.WithEndpointURL(endpoint),
		otlploggrpc.WithRetry(otlploggrpc.RetryConfig{Enabled: false}),
		otlploggrpc.WithDialOption(grpc.WithConnectParams(connect), grpc.WithStatsHandler(own), grpc.WithChainUnaryInterceptor(s.intercept)))
	if err != nil {
		return nil, err
	}
	s.exporter = exporter
	return s, nil
}

// intercept keeps the answer to a request.
func (s *sender) intercept(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, conn, opts...)
	if err != nil {
		s.answer = answer{asked: true, err: classifyStatus(err)}
		return err
	}
	r, _ := reply.(*collogpb.ExportLogsServiceResponse)
	s.answer = taken(r)
	return nil
}

// classifyStatus tells errors after which a request may be sent again, as the specification of OTLP has them.
func classifyStatus(err error) error {
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
