// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"testing"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

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

// checkHealth asks for the health of the server.
func checkHealth(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	_, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
}
