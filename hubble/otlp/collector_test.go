// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collogpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logpb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // takes requests that are compressed
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cilium/monitor/hubble/otlp"
)

// timeout is how long a test waits for what has to happen, however slow the machine.
const timeout = time.Minute

// overEach runs a test over each protocol.
func overEach(t *testing.T, test func(t *testing.T, protocol string)) {
	for _, protocol := range []string{otlp.ProtocolGRPC, otlp.ProtocolHTTP} {
		t.Run(protocol, func(t *testing.T) { test(t, protocol) })
	}
}

// verdict is what a collector says to a request.
type verdict struct {
	rejected int  // records that are not taken, of a request that is
	refused  bool // for good
	later    bool // refused for now
}

// collector is a collector in the process. It can be away.
type collector struct {
	collogpb.UnimplementedLogsServiceServer

	protocol string
	address  string
	tls      *tls.Config // nil is plain text
	stop     func()      // nil while it is away
	serving  sync.WaitGroup

	// decide decides about a request; nil takes all of it. It is called by one request at a time.
	decide func(ctx context.Context, records int) verdict

	mu       sync.Mutex // guards what follows
	requests int
	records  []*logpb.LogRecord // that were taken
	resource *resourcepb.Resource
	client   netip.AddrPort
	token    string        // of the last request's headers
	changed  chan struct{} // closed at the next change
}

// newCollector returns a collector that is away, at an address of its own.
func newCollector(t testing.TB, protocol string) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	c := &collector{protocol: protocol, address: listener.Addr().String(), changed: make(chan struct{})}
	t.Cleanup(c.leave)
	return c
}

// come has the collector there.
func (c *collector) come(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", c.address)
	require.NoError(t, err)
	if c.protocol == otlp.ProtocolGRPC {
		var opts []grpc.ServerOption
		if c.tls != nil {
			opts = append(opts, grpc.Creds(credentials.NewTLS(c.tls)))
		}
		server := grpc.NewServer(opts...)
		collogpb.RegisterLogsServiceServer(server, c)
		c.serving.Go(func() { _ = server.Serve(listener) })
		c.stop = server.Stop
		return
	}
	server := &http.Server{Handler: http.HandlerFunc(c.serveHTTP), ReadHeaderTimeout: timeout, TLSConfig: c.tls, ErrorLog: log.New(io.Discard, "", 0)}
	if c.tls != nil {
		listener = tls.NewListener(listener, c.tls)
	}
	c.serving.Go(func() { _ = server.Serve(listener) })
	c.stop = func() { _ = server.Close() }
}

// leave has it away, in the middle of whatever it does.
func (c *collector) leave() {
	if c.stop != nil {
		c.stop()
		c.serving.Wait()
		c.stop = nil
	}
}

// Export implements collogpb.LogsServiceServer.
func (c *collector) Export(ctx context.Context, r *collogpb.ExportLogsServiceRequest) (*collogpb.ExportLogsServiceResponse, error) {
	token := ""
	if md, ok := metadata.FromIncomingContext(ctx); ok && len(md["x-token"]) > 0 {
		token = md["x-token"][0]
	}
	p, _ := peer.FromContext(ctx)
	v := c.take(ctx, r, p.Addr.(*net.TCPAddr).AddrPort(), token)
	switch {
	case v.refused:
		return nil, status.Error(codes.InvalidArgument, "no")
	case v.later:
		s, err := status.New(codes.ResourceExhausted, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Millisecond)})
		if err != nil {
			return nil, err
		}
		return nil, s.Err()
	}
	return answer(v), nil
}

// serveHTTP takes requests over HTTP.
func (c *collector) serveHTTP(w http.ResponseWriter, req *http.Request) {
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = unzip
	}
	text, err := io.ReadAll(body)
	r := new(collogpb.ExportLogsServiceRequest)
	if err != nil || proto.Unmarshal(text, r) != nil || req.URL.Path != "/v1/logs" || req.Header.Get("Content-Type") != "application/x-protobuf" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	client, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	v := c.take(req.Context(), r, client, req.Header.Get("X-Token"))
	switch {
	case v.refused:
		w.WriteHeader(http.StatusBadRequest)
	case v.later:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		text, err := proto.Marshal(answer(v))
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(text)
	}
}

func answer(v verdict) *collogpb.ExportLogsServiceResponse {
	return &collogpb.ExportLogsServiceResponse{PartialSuccess: &collogpb.ExportLogsPartialSuccess{RejectedLogRecords: int64(v.rejected)}}
}

// take takes a request, or not.
func (c *collector) take(ctx context.Context, r *collogpb.ExportLogsServiceRequest, client netip.AddrPort, token string) verdict {
	var records []*logpb.LogRecord
	for _, resource := range r.GetResourceLogs() {
		for _, scope := range resource.GetScopeLogs() {
			records = append(records, scope.GetLogRecords()...)
		}
	}
	c.change(func() {
		c.requests++
		c.resource, c.client, c.token = r.GetResourceLogs()[0].GetResource(), client, token
	})
	var v verdict
	if c.decide != nil {
		v = c.decide(ctx, len(records))
	}
	if !v.refused && !v.later {
		c.change(func() { c.records = append(c.records, records[v.rejected:]...) })
	}
	return v
}

func (c *collector) change(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}

// wait waits until the collector is in a state.
func (c *collector) wait(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.After(timeout)
	for {
		c.mu.Lock()
		ok, changed := is(), c.changed
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			require.Fail(t, "waited in vain: "+what)
		}
	}
}

// received returns the numbers of the flows that were taken, each once, and how many events they were told are lost.
func (c *collector) received() (flows map[int64]bool, lost uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.receivedLocked()
}

func (c *collector) receivedLocked() (flows map[int64]bool, lost uint64) {
	flows = map[int64]bool{}
	losses := map[uint64]bool{} // by their times: a batch whose answer was lost comes twice
	for _, r := range c.records {
		switch r.GetEventName() {
		case "hubble.flow":
			flows[attribute(r, "hubble.source.identity").GetIntValue()] = true
		case "hubble.lost_events":
			if !losses[r.GetTimeUnixNano()] {
				losses[r.GetTimeUnixNano()] = true
				lost += uint64(attribute(r, "hubble.lost.count").GetIntValue())
			}
		}
	}
	return flows, lost
}

// waitForAll waits until all of so many events have been received, or told lost.
func (c *collector) waitForAll(t testing.TB, events int) {
	t.Helper()
	c.wait(t, "for all events", func() bool {
		flows, lost := c.receivedLocked()
		return uint64(len(flows))+lost >= uint64(events)
	})
	flows, lost := c.received()
	require.EqualValues(t, events, uint64(len(flows))+lost)
}

// attribute returns an attribute of a record, nil if it has it not.
func attribute(r *logpb.LogRecord, key string) *commonpb.AnyValue {
	for _, kv := range r.GetAttributes() {
		if kv.GetKey() == key {
			return kv.GetValue()
		}
	}
	return nil
}
