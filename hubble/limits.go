// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"context"
	"fmt"
	"net"
	"path"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/cilium/monitor/hubble/metrics"
)

// Nobody may hold much of the agent's memory or time, neither by doing nothing nor by doing a lot, nor all that others need: the
// first three are divided by shares. Relay has one connection for all of its clients.
const (
	maxConnections    = 64  // of each listener; others are closed at once
	maxRequests       = 256 // requests at once of a listener; others are refused
	maxRecent         = 200 // requests of a listener that come in recentTime; others are refused
	recentTime        = 2 * time.Second
	maxMessageBytes   = 64 << 10 // of a request
	maxHeaderBytes    = 16 << 10 // of a request's metadata
	maxFilters        = 128      // of a request
	maxPaths          = 256      // of a field mask
	handshakeTimeout  = 10 * time.Second
	keepaliveTime     = time.Minute      // after which a silent client is asked whether it is there
	keepaliveTimeout  = 20 * time.Second // that it has to answer
	keepaliveInterval = 10 * time.Second // at which a client may ask that of the server
	refusedInterval   = 10 * time.Second // at which refused connections are logged
)

// limits keep what is asked of a listener within bounds, and count it.
type limits struct {
	listener string
	log      logrus.FieldLogger
	metrics  *metrics.Metrics
	logged   rate.Sometimes

	mu          sync.Mutex // guards what follows
	connections shares
	requests    shares  // that are being answered
	recent      shares  // of requests that came in the last recentTime
	came        []began // of them, the oldest first
}

// began is a request that came.
type began struct {
	client client
	at     time.Time
}

func newLimits(listener string, log logrus.FieldLogger, m *metrics.Metrics) *limits {
	return &limits{
		listener:    listener,
		log:         log.WithField("listener", listener),
		metrics:     m,
		logged:      rate.Sometimes{Interval: refusedInterval},
		connections: newShares(maxConnections),
		requests:    newShares(maxRequests),
		recent:      newShares(maxRecent),
	}
}

// options have a server keep the limits.
func (l *limits) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxConcurrentStreams(maxRequests),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveInterval, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(l.unary),
		grpc.ChainStreamInterceptor(l.stream),
	}
}

// connect counts a connection until disconnect is called, or refuses it.
func (l *limits) connect(c client) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.connections.mayTake(c) {
		return tooMany("connections", c, &l.connections)
	}
	l.connections.take(c)
	l.metrics.Connections.WithLabelValues(l.listener).Inc()
	return nil
}

func (l *limits) disconnect(c client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connections.giveBack(c)
	l.metrics.Connections.WithLabelValues(l.listener).Dec()
}

// tooMany says why a client gets no place.
func tooMany(what string, c client, s *shares) error {
	return fmt.Errorf("this client has %d %s, and %d are left for all: it may have %d times as many as are left", s.held[c], what, s.left, greed)
}

// refused counts a connection that was refused, and logs it now and then.
func (l *limits) refused(addr net.Addr, c client, err error) {
	l.refuse(metrics.RefusedConnections, addr, c, err)
}

// failed is refused for one whose handshake failed.
func (l *limits) failed(conn net.Conn, err error) {
	l.refuse(metrics.RefusedHandshake, conn.RemoteAddr(), "", err)
}

func (l *limits) refuse(reason string, addr net.Addr, c client, err error) {
	l.metrics.Refused.WithLabelValues(l.listener, reason).Inc()
	l.logged.Do(func() {
		l.log.WithError(err).WithFields(logrus.Fields{"client": c, "address": addr.String()}).
			Warn("Refusing a connection to Hubble's API; others that follow soon are only counted")
	})
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
	if err = answer(); status.Code(err) == codes.InvalidArgument {
		l.metrics.Refused.WithLabelValues(l.listener, metrics.RefusedInvalid).Inc()
	}
	return err
}

// enter counts a request until leave is called, or refuses it. Whether the server is healthy it may be asked at any time: a
// probe that fails has an agent restarted that has much to do.
func (l *limits) enter(ctx context.Context, method string) (leave func(), err error) {
	name := path.Base(method)
	if method == healthpb.Health_Check_FullMethodName {
		l.metrics.Requests.WithLabelValues(l.listener, name).Inc()
		return func() {}, nil
	}
	c, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	if reason, err := l.begin(c, time.Now()); err != nil {
		l.metrics.Refused.WithLabelValues(l.listener, reason).Inc()
		return nil, status.Error(codes.ResourceExhausted, err.Error())
	}
	l.metrics.Requests.WithLabelValues(l.listener, name).Inc()
	open := l.metrics.Open.WithLabelValues(l.listener, name)
	open.Inc()
	return func() { open.Dec(); l.end(c) }, nil
}

// begin counts a request until end is called, or returns why it is refused.
func (l *limits) begin(c client, now time.Time) (reason string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetLocked(now)
	switch {
	case !l.recent.mayTake(c):
		return metrics.RefusedRate, tooMany(fmt.Sprint("requests of the last ", recentTime), c, &l.recent)
	case !l.requests.mayTake(c):
		return metrics.RefusedRequests, tooMany("requests that are being answered", c, &l.requests)
	}
	l.requests.take(c)
	l.recent.take(c)
	l.came = append(l.came, began{c, now})
	return "", nil
}

// forgetLocked forgets requests that came too long ago to count. The caller holds l.mu.
func (l *limits) forgetLocked(now time.Time) {
	n := 0
	for n < len(l.came) && now.Sub(l.came[n].at) >= recentTime {
		l.recent.giveBack(l.came[n].client)
		n++
	}
	l.came = append(l.came[:0], l.came[n:]...)
}

func (l *limits) end(c client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests.giveBack(c)
}
