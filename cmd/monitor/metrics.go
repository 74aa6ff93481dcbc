// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
)

const flagMetricsAddress = "metrics-address"

// metricsCell has the metrics of the agent and of its process, and serves them.
var metricsCell = cell.Module(
	"metrics",
	"Serves metrics to Prometheus",

	cell.Config(metricsConfig{}),
	cell.Provide(newRegistry),
	cell.Invoke(serveMetrics),
)

// metricsConfig is the configuration of metricsCell.
type metricsConfig struct {
	MetricsAddress string
}

// Flags implements cell.Flagger.
func (def metricsConfig) Flags(flags *pflag.FlagSet) {
	flags.String(flagMetricsAddress, def.MetricsAddress,
		"Serve metrics to Prometheus at http://`[HOST]:PORT`/metrics, such as :9967 (none: no metrics are served)")
}

func newRegistry() (*prometheus.Registry, prometheus.Registerer) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry, registry
}

// Nobody may hold a connection, or a goroutine, for long by doing nothing.
const (
	metricsHeaderTimeout = 5 * time.Second
	metricsWriteTimeout  = 30 * time.Second
	metricsIdleTimeout   = time.Minute

	// metricsStopTimeout is how long an answer that is being written holds up the stop.
	metricsStopTimeout = 5 * time.Second
)

type metricsParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Config    metricsConfig
	Registry  *prometheus.Registry
	Log       logrus.FieldLogger
	Health    cell.Health
}

// serveMetrics serves the metrics from start to stop, if that is wanted.
func serveMetrics(p metricsParams) {
	address := p.Config.MetricsAddress
	if address == "" {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(p.Registry, promhttp.HandlerOpts{ErrorLog: p.Log, Registry: p.Registry}))
	var server *http.Server
	var ended chan struct{}
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			listener, err := net.Listen("tcp", address)
			if err != nil {
				return fmt.Errorf("serve metrics at --%s=%s: %w", flagMetricsAddress, address, err)
			}
			url := fmt.Sprintf("http://%s/metrics", listener.Addr())
			p.Log.WithField("url", url).Info("Serving metrics")
			p.Health.OK("Serving metrics at " + url)
			server = &http.Server{
				Handler:           mux,
				ReadHeaderTimeout: metricsHeaderTimeout,
				WriteTimeout:      metricsWriteTimeout,
				IdleTimeout:       metricsIdleTimeout,
			}
			ended = make(chan struct{})
			go func() {
				defer close(ended)
				if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					p.Log.WithError(err).Error("Serving metrics failed")
					p.Health.Degraded("Serving metrics failed", err)
				}
			}()
			return nil
		},
		OnStop: func(ctx cell.HookContext) error {
			ctx, cancel := context.WithTimeout(ctx, metricsStopTimeout)
			defer cancel()
			err := server.Shutdown(ctx)
			if err != nil {
				err = server.Close()
			}
			<-ended
			p.Health.Stopped("Metrics are not served any more")
			return err
		},
	})
}
