// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"context"
	"crypto/tls"
	"os"
	"regexp"
	"testing"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/cilium/monitor/hubble/internal/testca"
)

const serverName = "node.default.hubble-grpc.cilium.io"

// startTLS returns a node that serves TCP to clients of an authority, and where.
func startTLS(t *testing.T, ca *testca.CA, server testca.Pair) (n *node, address string) {
	t.Helper()
	n = startNode(t, settings{
		"hubble-listen-address":      "127.0.0.1:0",
		"hubble-tls-cert-file":       server.Cert,
		"hubble-tls-key-file":        server.Key,
		"hubble-tls-client-ca-files": ca.File,
	})
	return n, n.tcpAddress()
}

// tcpAddress returns where the node serves TCP, by what it logs.
func (n *node) tcpAddress() string {
	n.t.Helper()
	address := regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`).FindStringSubmatch(n.log())
	require.NotNil(n.t, address, n.log())
	return address[1]
}

// ask asks the server for its status.
func ask(t *testing.T, address string, creds credentials.TransportCredentials) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err := observerpb.NewObserverClient(dial(t, address, creds)).ServerStatus(ctx, &observerpb.ServerStatusRequest{})
	return err
}

func clientTLS(ca *testca.CA, certificates ...tls.Certificate) credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{RootCAs: ca.Pool(), ServerName: serverName, Certificates: certificates})
}

// TestTLS lets those in who have a certificate of the authority, by TLS 1.3, and nobody else.
func TestTLS(t *testing.T) {
	ca, other := testca.New(t), testca.New(t)
	_, address := startTLS(t, ca, ca.Issue("server", serverName))
	client, stranger := ca.Issue("client").Load(t), other.Issue("client").Load(t)

	require.NoError(t, ask(t, address, clientTLS(ca, client)))
	require.Error(t, ask(t, address, clientTLS(ca)), "without a certificate")
	require.Error(t, ask(t, address, clientTLS(ca, stranger)))
	require.Error(t, ask(t, address, insecure.NewCredentials()))
	old := credentials.NewTLS(&tls.Config{
		RootCAs: ca.Pool(), ServerName: serverName, Certificates: []tls.Certificate{client}, MaxVersion: tls.VersionTLS12,
	})
	require.ErrorContains(t, ask(t, address, old), "protocol version not supported")
}

// TestTLSReload has other certificates put into the place of those that a server runs with, and what is none.
func TestTLSReload(t *testing.T) {
	ca := testca.New(t)
	server := ca.Issue("server", "other.name")
	n, address := startTLS(t, ca, server)
	client := ca.Issue("client").Load(t)
	require.ErrorContains(t, ask(t, address, clientTLS(ca, client)), "not "+serverName)

	ca.Issue("server", serverName)
	require.NoError(t, ask(t, address, clientTLS(ca, client)))
	require.Contains(t, n.log(), "The certificates are others")

	require.NoError(t, os.WriteFile(server.Cert, []byte("nothing"), 0o600))
	require.NoError(t, ask(t, address, clientTLS(ca, client)), "those of before")
	require.Contains(t, n.log(), "they are those of before")

	ca.Issue("server", serverName)
	require.NoError(t, ask(t, address, clientTLS(ca, client)))

	// The clients' authority is another one from now on.
	other := testca.New(t)
	pem, err := os.ReadFile(other.File)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(ca.File, pem, 0o600))
	require.Error(t, ask(t, address, clientTLS(ca, client)))
	require.NoError(t, ask(t, address, clientTLS(ca, other.Issue("client").Load(t))))
}

// TestTLSLater starts a server before its certificates are there.
func TestTLSLater(t *testing.T) {
	ca := testca.New(t)
	server := ca.Issue("server", serverName)
	require.NoError(t, os.Remove(server.Cert))
	_, address := startTLS(t, ca, server)
	client := ca.Issue("client").Load(t)
	require.Error(t, ask(t, address, clientTLS(ca, client)))
	ca.Issue("server", serverName)
	require.NoError(t, ask(t, address, clientTLS(ca, client)))
}

// TestPlainTCP is served if that is asked for by name.
func TestPlainTCP(t *testing.T) {
	n := startNode(t, settings{"hubble-listen-address": "127.0.0.1:0", "hubble-disable-tls": true})
	require.NoError(t, ask(t, n.tcpAddress(), insecure.NewCredentials()))
	require.Contains(t, n.log(), "level=WARN")
}
