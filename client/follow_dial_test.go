// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/client"
)

// TestFollowOnDial asks the kernel about the other end of each connection, before it is told that there is one.
func TestFollowOnDial(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, path)
	seen := make(chan string, 10)
	var peers []int32
	done := make(chan error, 1)
	go func() {
		for pl, err := range client.Follow(ctx, path, client.Hooks{
			OnDial: func(conn syscall.Conn) {
				raw, err := conn.SyscallConn()
				if err != nil {
					return
				}
				_ = raw.Control(func(fd uintptr) {
					if peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
						peers = append(peers, peer.Pid)
					}
				})
				seen <- "dialled"
			},
			OnConnect: func() { seen <- "connected" },
		}) {
			if err != nil {
				done <- err
				return
			}
			seen <- string(pl.Data)
		}
	}()
	for _, data := range []string{"a", "b"} {
		conn := s.accept()
		conn.send(data)
		for _, want := range []string{"dialled", "connected", data} {
			require.Equal(t, want, <-seen)
		}
		if data == "b" {
			s.stop() // or it dials once more
		}
		conn.Close()
	}
	cancel()
	require.Equal(t, context.Canceled, <-done)
	require.Equal(t, []int32{int32(os.Getpid()), int32(os.Getpid())}, peers)
}

// TestFollowOnIdleWithoutAnAgent is idle while there is no agent: what is buffered then has to be printed.
func TestFollowOnIdleWithoutAnAgent(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		for _, err := range client.Follow(ctx, path, client.Hooks{
			OnWait: func(error) { seen <- "waiting" },
			OnIdle: func() { seen <- "idle" },
		}) {
			done <- err
		}
	}()
	require.Equal(t, "waiting", <-seen)
	require.Equal(t, "idle", <-seen)
	cancel()
	require.Equal(t, context.Canceled, <-done)
	require.Empty(t, seen)
}
