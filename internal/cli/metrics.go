// SPDX-License-Identifier: Apache-2.0

package cli

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

// Nobody may hold a connection, a goroutine or memory for long by doing nothing, or much of it by
// doing a lot.
const (
	metricsReadTimeout  = 5 * time.Second // of a request with its body
	metricsWriteTimeout = 10 * time.Second
	metricsIdleTimeout  = time.Minute

	metricsConnections = 8
	metricsScrapes     = 2 // at once; who comes meanwhile waits
	metricsHeaderBytes = 4096

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
	scrape := promhttp.HandlerFor(p.Registry, promhttp.HandlerOpts{ErrorLog: p.Log, Registry: p.Registry})
	mux.Handle("/metrics", takeTurns(scrape, metricsScrapes))
	var server *http.Server
	var ended chan struct{}
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			listener, err := listenTCP(address)
			if err != nil {
				return fmt.Errorf("serve metrics at --%s=%s: %w", flagMetricsAddress, address, err)
			}
			url := fmt.Sprintf("http://%s/metrics", listener.Addr())
			p.Log.WithField("url", url).Info("Serving metrics")
			limit := connectionLimit{limit: metricsConnections}
			server = &http.Server{
				Handler:        getOnly(mux),
				ReadTimeout:    metricsReadTimeout,
				WriteTimeout:   metricsWriteTimeout,
				IdleTimeout:    metricsIdleTimeout,
				MaxHeaderBytes: metricsHeaderBytes,
				ConnState:      limit.track,
			}
			patient := newPatientListener(listener, "metrics at "+url, p.Log, p.Health)
			ended = make(chan struct{})
			go func() {
				defer close(ended)
				if err := server.Serve(patient); !errors.Is(err, http.ErrServerClosed) {
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

func listenTCP(address string) (*net.TCPListener, error) {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	return net.ListenTCP("tcp", addr)
}

// getOnly refuses all methods but GET. It does not wait for a body.
func getOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			w.Header().Set("Connection", "close")
		}
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, "only GET is served", http.StatusMethodNotAllowed)
			return
		}
		h.ServeHTTP(w, r)
	})
}
