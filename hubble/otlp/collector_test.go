// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collogpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logpb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
)

// timeout is how long a test waits for what has to happen, however slow the machine.
const timeout = time.Minute

// collector is a collector in the process. It can be away.
type collector struct {
	collogpb.UnimplementedLogsServiceServer

	address string
	opts    []grpc.ServerOption
	server  *grpc.Server
	serving sync.WaitGroup

	// answer decides about a request; nil takes all of it. It is called by one request at a time.
	answer func(ctx context.Context, records int) (rejected int, err error)

	mu       sync.Mutex // guards what follows
	requests int
	records  []*logpb.LogRecord // that were taken
	resource *resourcepb.Resource
	client   netip.AddrPort
	changed  chan struct{} // closed at the next change
}

// newCollector returns a collector that is away, at an address of its own.
func newCollector(t testing.TB, opts ...grpc.ServerOption) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	c := &collector{address: listener.Addr().String(), opts: opts, changed: make(chan struct{})}
	t.Cleanup(c.leave)
	return c
}

// come has the collector there.
func (c *collector) come(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", c.address)
	require.NoError(t, err)
	server := grpc.NewServer(c.opts...)
	c.server = server
	collogpb.RegisterLogsServiceServer(server, c)
	c.serving.Go(func() { _ = server.Serve(listener) })
}

// leave has it away, in the middle of whatever it does.
func (c *collector) leave() {
	if c.server != nil {
		c.server.Stop()
		c.serving.Wait()
		c.server = nil
	}
}

// Export implements collogpb.LogsServiceServer.
func (c *collector) Export(ctx context.Context, r *collogpb.ExportLogsServiceRequest) (*collogpb.ExportLogsServiceResponse, error) {
	var records []*logpb.LogRecord
	for _, resource := range r.GetResourceLogs() {
		for _, scope := range resource.GetScopeLogs() {
			records = append(records, scope.GetLogRecords()...)
		}
	}
	c.begin(ctx, r)
	rejected := 0
	if c.answer != nil {
		var err error
		if rejected, err = c.answer(ctx, len(records)); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records = append(c.records, records[rejected:]...)
	c.changeLocked()
	return &collogpb.ExportLogsServiceResponse{PartialSuccess: &collogpb.ExportLogsPartialSuccess{RejectedLogRecords: int64(rejected)}}, nil
}

func (c *collector) begin(ctx context.Context, r *collogpb.ExportLogsServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.resource = r.GetResourceLogs()[0].GetResource()
	if p, ok := peer.FromContext(ctx); ok {
		c.client = p.Addr.(*net.TCPAddr).AddrPort()
	}
	c.changeLocked()
}

func (c *collector) changeLocked() {
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
	return find(r.GetAttributes(), key)
}

func find(attributes []*commonpb.KeyValue, key string) *commonpb.AnyValue {
	for _, kv := range attributes {
		if kv.GetKey() == key {
			return kv.GetValue()
		}
	}
	return nil
}
