// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/cilium/monitor/hubble/internal/testca"
)

// dialFrom connects from an address of this machine.
func dialFrom(t *testing.T, from, target string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := grpc.NewClient("passthrough:"+target, grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// tryFollow follows, and returns a function that ends that, or why it was refused.
func tryFollow(t *testing.T, conn *grpc.ClientConn) (end func(), err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	stream, err := observerpb.NewObserverClient(conn).GetFlows(ctx, &observerpb.GetFlowsRequest{Follow: true})
	require.NoError(t, err)
	header, err := stream.Header()
	require.NoError(t, err)
	if len(header.Get("hubble-server-version")) == 0 { // it is refused
		_, err = stream.Recv()
	}
	return cancel, err
}

// followMost follows as often as one client may, by several connections in turns.
func followMost(t *testing.T, conns ...*grpc.ClientConn) (ends []func()) {
	t.Helper()
	for {
		end, err := tryFollow(t, conns[len(ends)%len(conns)])
		if err == nil {
			ends = append(ends, end)
			continue
		}
		require.Equal(t, codes.ResourceExhausted, status.Code(err), "%v", err)
		if !strings.Contains(err.Error(), "requests of the last 2s") { // else again, later
			require.ErrorContains(t, err, "requests that are being answered")
			return ends
		}
	}
}

// TestGreedyClients has clients with as many requests as they can get, each by two connections: whoever comes then is answered,
// and each has about as many as the others.
func TestGreedyClients(t *testing.T) {
	n := startNode(t, settings{"hubble-listen-address": "127.0.0.1:0", "hubble-disable-tls": true})
	conn := func(from string) *grpc.ClientConn {
		return dialFrom(t, from, n.tcpAddress(), insecure.NewCredentials())
	}
	first := followMost(t, conn("127.0.0.1"), conn("127.0.0.1"))
	require.Len(t, first, 192, "three quarters")
	checkHealth(t, conn("127.0.0.1"))
	second := followMost(t, conn("127.0.0.2"), conn("127.0.0.2"))
	require.Len(t, second, 48, "three quarters of what was left")
	last := conn("127.0.0.3")
	third := followMost(t, last)
	require.Len(t, third, 12)
	require.NoError(t, observe(t, n.dial()), "the other listener has its own")

	for _, end := range first[:100] {
		end()
	}
	require.Eventually(t, func() bool {
		end, err := tryFollow(t, last)
		if err == nil {
			third = append(third, end)
		}
		return len(third) == 64
	}, timeout, tick, "there is room again")
}

// observe asks for what there is.
func observe(t *testing.T, conn *grpc.ClientConn) error {
	t.Helper()
	_, err := observerpb.NewObserverClient(conn).ServerStatus(t.Context(), &observerpb.ServerStatusRequest{})
	return err
}

// TestGreedyCertificate has a certificate's owner come from several addresses, and others from one of these.
func TestGreedyCertificate(t *testing.T) {
	ca := testca.New(t)
	_, address := startTLS(t, ca, ca.Issue("server", serverName))
	conn := func(from string, certificate tls.Certificate) *grpc.ClientConn {
		return dialFrom(t, from, address, clientTLS(ca, certificate))
	}
	greedy, other := ca.Issue("greedy").Load(t), ca.Issue("other").Load(t)
	require.Len(t, followMost(t, conn("127.0.0.1", greedy), conn("127.0.0.2", greedy)), 192)
	require.NoError(t, observe(t, conn("127.0.0.1", other)))
}

// TestTooManyRequests asks more often than one may: what is too much is refused, and others are answered. Probes of its health are
// answered in any case.
func TestTooManyRequests(t *testing.T) {
	n := startNode(t, settings{"hubble-listen-address": "127.0.0.1:0", "hubble-disable-tls": true})
	conn := func(from string) *grpc.ClientConn {
		return dialFrom(t, from, n.tcpAddress(), insecure.NewCredentials())
	}
	greedy := []*grpc.ClientConn{conn("127.0.0.1"), conn("127.0.0.1")}
	refused := 0
	for i := range 1000 {
		checkHealth(t, greedy[0])
		if err := observe(t, greedy[i%2]); status.Code(err) == codes.ResourceExhausted {
			require.ErrorContains(t, err, "requests of the last 2s")
			refused++
		} else {
			require.NoError(t, err)
		}
	}
	require.NotZero(t, refused)
	require.NoError(t, observe(t, conn("127.0.0.2")))
	require.Eventually(t, func() bool { return observe(t, greedy[0]) == nil }, timeout, tick)
}

// TestTooManyConnections opens more connections than one client may have: the others are closed at once, one of another client is not,
// and later there is room again.
func TestTooManyConnections(t *testing.T) {
	n := startNode(t, settings{"hubble-listen-address": "127.0.0.1:0", "hubble-disable-tls": true})
	address := n.tcpAddress()
	var open []net.Conn
	defer func() {
		for _, conn := range open {
			conn.Close()
		}
	}()
	for range 48 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		open = append(open, conn)
	}
	refused, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer refused.Close()
	read, err := refused.Read(make([]byte, 1))
	require.Zero(t, read)
	require.Error(t, err)
	require.NoError(t, observe(t, dialFrom(t, "127.0.0.2", address, insecure.NewCredentials())))
	require.Eventually(t, func() bool { return n.logs("Refusing a connection to Hubble's API") }, timeout, tick)
	for _, conn := range open {
		conn.Close()
	}
	require.Eventually(t, func() bool { return ask(t, address, insecure.NewCredentials()) == nil }, timeout, tick)
}
