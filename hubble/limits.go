// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Nobody may hold much of the agent's memory or time, neither by doing nothing nor by doing a lot, nor all that others need.
// Relay has one connection for all of its clients.
const (
	maxConnections    = 64       // of each listener; others are closed at once
	maxRequests       = 256      // requests at once of a listener; others are refused
	maxRequestsOfOne  = 64       // requests at once of a connection; others are refused
	maxStreams        = 128      // requests at once of a connection, with those that are refused; others wait
	requestRate       = 100      // requests a second of a listener; more are refused
	requestBurst      = 200      // requests at once that may come before that
	maxMessageBytes   = 64 << 10 // of a request
	maxHeaderBytes    = 16 << 10 // of a request's metadata
	maxFilters        = 128      // of a request
	maxPaths          = 256      // of a field mask
	handshakeTimeout  = 10 * time.Second
	keepaliveTime     = time.Minute      // after which a silent client is asked whether it is there
	keepaliveTimeout  = 20 * time.Second // that it has to answer
	keepaliveInterval = 10 * time.Second // at which a client may ask that of the server
)

// limits keep what is asked of a server within bounds.
type limits struct {
	log   logrus.FieldLogger
	rate  *rate.Limiter
	slots chan struct{} // has one for each request that is being answered
}

func newLimits(log logrus.FieldLogger) *limits {
	return &limits{
		log:   log,
		rate:  rate.NewLimiter(requestRate, requestBurst),
		slots: make(chan struct{}, maxRequests),
	}
}

// options have a server keep the limits.
func (l *limits) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveInterval, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(l.unary),
		grpc.ChainStreamInterceptor(l.stream),
	}
}

func (l *limits) unary(ctx context.Context, r any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
	err = l.run(ctx, info.FullMethod, func() error {
		if err := grpc.SetHeader(ctx, versionHeader()); err != nil {
			return err
		}
		answer, err = handler(ctx, r)
		return err
	})
	return answer, err
}

func (l *limits) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return l.run(stream.Context(), info.FullMethod, func() error {
		if err := stream.SetHeader(versionHeader()); err != nil {
			return err
		}
		return handler(srv, stream)
	})
}

// run answers a request, unless there are too many. One that panics fails.
func (l *limits) run(ctx context.Context, method string, answer func() error) (err error) {
	leave, err := l.enter(ctx, method)
	if err != nil {
		return err
	}
	defer leave()
	defer func() {
		if cause := recover(); cause != nil {
			l.log.WithField("stack", string(debug.Stack())).Errorf("Answering %s panicked: %v", method, cause)
			err = status.Error(codes.Internal, fmt.Sprintf("the request panicked: %v", cause))
		}
	}()
	return answer()
}

// enter counts a request until leave is called, or refuses it. Whether the server is healthy it may be asked at any time: a
// probe that fails has an agent restarted that has much to do.
func (l *limits) enter(ctx context.Context, method string) (leave func(), err error) {
	if method == healthpb.Health_Check_FullMethodName {
		return func() {}, nil
	}
	if !l.rate.Allow() {
		return nil, status.Errorf(codes.ResourceExhausted, "more than %d requests a second", requestRate)
	}
	client, err := connOf(ctx)
	if err != nil {
		return nil, err
	}
	if client.requests.Add(1) > maxRequestsOfOne {
		client.requests.Add(-1)
		return nil, status.Errorf(codes.ResourceExhausted, "%d requests of this connection are being answered", maxRequestsOfOne)
	}
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots; client.requests.Add(-1) }, nil
	default:
		client.requests.Add(-1)
		return nil, status.Errorf(codes.ResourceExhausted, "%d requests are being answered", maxRequests)
	}
}
