// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"context"
	"testing"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// TestTooManyRequests asks more often than one may: what is too much is refused, and all else is answered.
// Probes of its health are answered in any case.
func TestTooManyRequests(t *testing.T) {
	n := startNode(t, nil)
	conn := n.dial()
	client := observerpb.NewObserverClient(conn)
	refused := 0
	for range 1000 {
		checkHealth(t, conn)
		_, err := client.ServerStatus(t.Context(), &observerpb.ServerStatusRequest{})
		if status.Code(err) == codes.ResourceExhausted {
			refused++
			continue
		}
		require.NoError(t, err)
	}
	require.NotZero(t, refused)
	require.Eventually(t, func() bool {
		_, err := client.ServerStatus(t.Context(), &observerpb.ServerStatusRequest{})
		return err == nil
	}, timeout, tick)
}

// TestTooLargeRequest has a request that is larger than one may be.
func TestTooLargeRequest(t *testing.T) {
	n := startNode(t, nil)
	r := &observerpb.GetFlowsRequest{}
	r.ProtoReflect().SetUnknown(append([]byte{0x82, 0x7d, 0x80, 0x80, 0x40}, make([]byte, 1<<20)...))
	stream, err := n.observer().GetFlows(t.Context(), r)
	require.NoError(t, err)
	_, err = stream.Recv()
	require.Equal(t, codes.ResourceExhausted, status.Code(err), "%v", err)
	require.NoError(t, func() error {
		_, err := n.observer().ServerStatus(t.Context(), &observerpb.ServerStatusRequest{})
		return err
	}())
}

// TestManyRequestsOfOneConnection has a connection with as many requests as one may have, which all go on: one more is refused, and
// others are answered.
func TestManyRequestsOfOneConnection(t *testing.T) {
	n := startNode(t, nil)
	conn := n.dial()
	follow := &observerpb.GetFlowsRequest{Follow: true}
	var held []*flows
	for range 64 {
		held = append(held, getFlows(t, observerpb.NewObserverClient(conn), follow))
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	stream, err := observerpb.NewObserverClient(conn).GetFlows(ctx, follow)
	require.NoError(t, err)
	_, err = stream.Recv()
	require.Equal(t, codes.ResourceExhausted, status.Code(err), "%v", err)
	require.ErrorContains(t, err, "64 requests of this connection")
	_, err = n.observer().ServerStatus(t.Context(), &observerpb.ServerStatusRequest{})
	require.NoError(t, err)
	checkHealth(t, conn)

	held[0].cancel()
	require.Eventually(t, func() bool {
		_, err := observerpb.NewObserverClient(conn).ServerStatus(t.Context(), &observerpb.ServerStatusRequest{})
		return err == nil
	}, timeout, tick, "there is room again")
}

// checkHealth asks for the health of the server.
func checkHealth(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	_, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
}
