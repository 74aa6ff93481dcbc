// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"testing"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestTooManyRequests asks more often than one may: what is too much is refused, and all else is answered.
func TestTooManyRequests(t *testing.T) {
	n := startNode(t, nil)
	client := n.observer()
	refused := 0
	for range 1000 {
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
