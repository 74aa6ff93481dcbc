// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/hubble/internal/testca"
	"github.com/cilium/monitor/hubble/otlp"
)

// secure is where a collector with TLS is, by the name of its certificate.
func secure(t *testing.T, c *collector) otlp.Options {
	t.Helper()
	_, port, err := net.SplitHostPort(c.address)
	require.NoError(t, err)
	return otlp.Options{Endpoint: "https://localhost:" + port, Protocol: c.protocol}
}

// TestTLS sends to a collector that wants a certificate of its clients. The environment says which that is, and of which
// authority the collector's is; one of another authority gets nothing, nor does a client without a certificate.
func TestTLS(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		ca := testca.New(t)
		c := newCollector(t, protocol)
		c.tls = &tls.Config{
			Certificates: []tls.Certificate{ca.Issue("collector", "localhost").Load(t)},
			ClientCAs:    ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12,
		}
		c.come(t)
		refused := func() {
			f := startWith(t, secure(t, c))
			f.send(t, 1)
			require.ErrorContains(t, f.Stop(t.Context()), "1 events were lost at the end")
			require.Zero(t, c.requests)
		}
		refused()
		t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.File)
		refused()

		client := ca.Issue("client")
		t.Setenv("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", client.Cert) // of logs alone
		t.Setenv("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", client.Key)
		f := startWith(t, secure(t, c))
		f.send(t, 10)
		require.NoError(t, f.Stop(t.Context()))
		f.requireAll(t, c)
	})
}

// TestEnvironment has headers, compression and the protocol by the environment.
func TestEnvironment(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=secret")
		t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
		t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
		c := newCollector(t, protocol)
		c.come(t)
		f := startWith(t, otlp.Options{Endpoint: "http://" + c.address})
		f.send(t, 600)
		require.NoError(t, f.Stop(t.Context()))
		f.requireAll(t, c)
		require.Equal(t, "secret", c.token)
		require.Zero(t, f.Stats().Lost)
	})
}

// TestBadEnvironment has values of the environment that are none: HTTP's are read here.
func TestBadEnvironment(t *testing.T) {
	a := agent.NewAgent(t.Context(), agent.WithLogger(quiet()))
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, test := range []struct{ name, value, wrong string }{
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem", "no such file"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", empty, "has none"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY", empty, "the certificate of this client"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "OTEL_EXPORTER_OTLP_TIMEOUT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(test.name, test.value)
			_, err := otlp.Start(options(t, a), otlp.Options{Endpoint: "https://localhost:4318", Protocol: otlp.ProtocolHTTP, Log: quiet()})
			require.ErrorContains(t, err, test.wrong)
		})
	}
}
