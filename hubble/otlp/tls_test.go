// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// selfSigned returns a certificate for 127.0.0.1, and the path of a file that has it.
func selfSigned(t *testing.T) (cert tls.Certificate, path string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// TestTLS sends to a collector with TLS, whose authority the environment says; one of another authority gets nothing.
func TestTLS(t *testing.T) {
	cert, ca := selfSigned(t)
	c := newCollector(t, grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	c.come(t)

	stranger := startAt(t, "https://"+c.address)
	stranger.send(t, 1)
	require.ErrorContains(t, stranger.Stop(t.Context()), "1 events were lost at the end")
	require.Zero(t, c.requests)

	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", ca)
	f := startAt(t, "https://"+c.address)
	f.send(t, 10)
	require.NoError(t, f.Stop(t.Context()))
	f.requireAll(t, c)
}
