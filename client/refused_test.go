// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/client"
)

// TestRefused connects to an agent that closes the connection without a word.
func TestRefused(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	c := dial(t, t.Context(), path)
	s.acceptRaw().Close()
	_, err := next(c)
	require.ErrorIs(t, err, client.ErrRefused)
	require.ErrorIs(t, err, io.EOF)
	require.ErrorContains(t, err, "too many clients")
}

// TestFollowRefused is refused again and again, which is told once, and then accepted.
func TestFollowRefused(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, path)
	f := follow(t, ctx, path)
	for range 3 {
		s.acceptRaw().Close()
	}
	conn := s.accept()
	f.expect(t, "connected", "disconnected: "+client.ErrRefused.Error(), "connected")
	conn.send("a")
	f.expect(t, "a")
	conn.Close()
	f.expect(t, "disconnected: EOF")
	s.acceptRaw().Close()
	f.expect(t, "connected", "disconnected: "+client.ErrRefused.Error())
	cancel()
	require.Equal(t, context.Canceled, <-f.done)
	require.Empty(t, f.seen)
}
