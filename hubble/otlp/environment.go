// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"time"
)

// defaultTimeout is how long a request may take, as the specification has it.
const defaultTimeout = 10 * time.Second

// fromEnvironment returns the value of OTEL_EXPORTER_OTLP_LOGS_NAME, or of OTEL_EXPORTER_OTLP_NAME if that is empty.
func fromEnvironment(name string) string {
	if value := os.Getenv("OTEL_EXPORTER_OTLP_LOGS_" + name); value != "" {
		return value
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_" + name)
}

// tlsFromEnvironment returns what the environment says of TLS.
func tlsFromEnvironment() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := fromEnvironment("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("the certificate of the collector's authority: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the certificate of the collector's authority: %s has none", file)
		}
	}
	cert, key := fromEnvironment("CLIENT_CERTIFICATE"), fromEnvironment("CLIENT_KEY")
	if cert == "" && key == "" {
		return config, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate of this client: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// timeoutFromEnvironment returns what the environment says that a request may take, in milliseconds.
func timeoutFromEnvironment() (time.Duration, error) {
	text := fromEnvironment("TIMEOUT")
	if text == "" {
		return defaultTimeout, nil
	}
	ms, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT: %w", err)
	}
	return time.Duration(ms) * time.Millisecond, nil
}
