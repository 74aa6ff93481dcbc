// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// timeout is how long a test waits for what has to happen, however slow the machine.
const timeout = 2 * time.Minute

// collector is OpenTelemetry's, in the process. Its pipeline is the receiver of OTLP, and an exporter that keeps what comes. It can
// be away.
type collector struct {
	protocol string
	address  string
	config   string // its file
	stop     func() // nil while it is away

	mu      sync.Mutex // guards what follows
	records []record
	changed chan struct{} // closed at the next change
}

// record is a log record, as far as tests look at it.
type record struct {
	event      string
	at         time.Time
	severity   string
	body       string
	attributes map[string]any
	resource   map[string]any
}

// overEach runs a test with a collector that is away, for each protocol.
func overEach(t *testing.T, test func(t *testing.T, c *collector)) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) { test(t, newCollector(t, protocol)) })
	}
}

func newCollector(t *testing.T, protocol string) *collector {
	t.Helper()
	monitorBinary(t) // the device is up
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	c := &collector{
		protocol: protocol, address: listener.Addr().String(), config: filepath.Join(t.TempDir(), "collector.yaml"), changed: make(chan struct{}),
	}
	key := map[string]string{"grpc": "grpc", "http/protobuf": "http"}[protocol]
	require.NoError(t, os.WriteFile(c.config, fmt.Appendf(nil, `
receivers: {otlp: {protocols: {%s: {endpoint: "%s"}}}}
exporters: {keep: {}}
service:
  pipelines: {logs: {receivers: [otlp], exporters: [keep]}}
  telemetry: {metrics: {level: none}}
`, key, c.address), 0o600))
	t.Cleanup(func() { c.leave(t) })
	return c
}

// come has the collector there.
func (c *collector) come(t *testing.T) {
	t.Helper()
	col, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "collector", Version: "test"},
		Factories: c.factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: []string{c.config}, ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()}, DefaultScheme: "file",
		}},
		DisableGracefulShutdown: true,
		SkipSettingGRPCLogger:   true,
		LoggingOptions: []zap.Option{zap.WrapCore(func(zapcore.Core) zapcore.Core {
			return zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.ErrorLevel)
		})},
	})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- col.Run(context.Background()) }()
	c.stop = func() {
		col.Shutdown()
		require.NoError(t, <-ended)
	}
	waitUntil(t, func() bool { return col.GetState() == otelcol.StateRunning }, "the collector never ran")
}

// leave has it away.
func (c *collector) leave(t *testing.T) {
	t.Helper()
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

func (c *collector) factories() (f otelcol.Factories, err error) {
	keep := exporter.NewFactory(component.MustNewType("keep"), func() component.Config { return &struct{}{} },
		exporter.WithLogs(func(context.Context, exporter.Settings, component.Config) (exporter.Logs, error) {
			logs, err := consumer.NewLogs(c.keep)
			return struct {
				component.StartFunc
				component.ShutdownFunc
				consumer.Logs
			}{Logs: logs}, err
		}, component.StabilityLevelStable))
	f.Telemetry = otelconftelemetry.NewFactory()
	if f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory()); err != nil {
		return f, err
	}
	f.Exporters, err = otelcol.MakeFactoryMap(keep)
	return f, err
}

// keep keeps what comes out of the pipeline.
func (c *collector) keep(_ context.Context, logs plog.Logs) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, r := range scope.LogRecords().All() {
				c.records = append(c.records, record{
					event: r.EventName(), at: r.Timestamp().AsTime(), severity: r.SeverityNumber().String(), body: r.Body().AsString(),
					attributes: r.Attributes().AsRaw(), resource: resource.Resource().Attributes().AsRaw(),
				})
			}
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// all returns the records that have come.
func (c *collector) all() []record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.records
}

// wait waits until the collector has records of which something holds, and returns them.
func (c *collector) wait(t *testing.T, what string, holds func([]record) bool) []record {
	t.Helper()
	deadline := time.After(timeout)
	for {
		c.mu.Lock()
		records, changed := c.records, c.changed
		c.mu.Unlock()
		if holds(records) {
			return records
		}
		select {
		case <-changed:
		case <-deadline:
			require.Fail(t, "waited in vain: "+what, "%d records", len(records))
		}
	}
}
