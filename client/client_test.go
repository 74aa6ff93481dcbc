// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/client"
)

func TestPayloads(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	c := dial(t, t.Context(), path)
	conn := s.accept()
	conn.send("a", "b")
	conn.write(payload.AppendValue(nil, &payload.Payload{CPU: payload.CPULostByReader, Lost: 7, Type: payload.RecordLost}))
	conn.Close()

	var got []payload.Payload
	var last error
	for pl, err := range c.Payloads() {
		if err != nil {
			require.Nil(t, pl)
			last = err
			continue
		}
		keep := *pl
		keep.Data = append([]byte(nil), pl.Data...)
		got = append(got, keep)
	}
	require.Equal(t, []payload.Payload{
		{Data: []byte("a"), CPU: 1, Type: payload.EventSample},
		{Data: []byte("b"), CPU: 1, Type: payload.EventSample},
		{CPU: -1, Lost: 7, Type: payload.RecordLost},
	}, got)
	require.Equal(t, io.EOF, last, "the agent closed the connection")

	_, err := next(c)
	require.Equal(t, io.EOF, err, "the stream stays ended")
}

// TestResume leaves a loop and goes on with another one.
func TestResume(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	c := dial(t, t.Context(), path)
	s.accept().send("a", "b")

	for _, want := range []string{"a", "b"} {
		data, err := next(c)
		require.NoError(t, err)
		require.Equal(t, want, data)
	}
}

func TestDialNobody(t *testing.T) {
	path := socketPath(t)
	_, err := client.Dial(t.Context(), path)
	require.ErrorIs(t, err, client.ErrNotRunning)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)

	// An agent that was killed leaves its socket behind.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	l.Close()
	_, err = client.Dial(t.Context(), path)
	require.ErrorIs(t, err, client.ErrNotRunning)
	require.NotErrorIs(t, err, fs.ErrNotExist)
}

// TestDialNotAllowed dials a socket as a user who may not.
func TestDialNotAllowed(t *testing.T) {
	path := socketPath(t)
	serve(t, path)
	require.NoError(t, os.Chmod(path, 0))
	if os.Geteuid() == 0 {
		dropPrivileges(t)
	}
	_, err := client.Dial(t.Context(), path)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NotErrorIs(t, err, client.ErrNotRunning)
}

func TestCancelledContext(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)

	ctx, cancel := context.WithCancel(t.Context())
	c := dial(t, ctx, path)
	s.accept()
	c.OnIdle(cancel)
	_, err := next(c)
	require.Equal(t, context.Canceled, err)
	require.NoError(t, c.Close())

	_, err = client.Dial(ctx, path)
	require.ErrorIs(t, err, context.Canceled)
}

func TestClose(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	c := dial(t, t.Context(), path)
	s.accept()

	waiting := make(chan struct{})
	closed := make(chan error)
	c.OnIdle(sync.OnceFunc(func() { close(waiting) }))
	go func() {
		<-waiting
		closed <- c.Close()
	}()
	_, err := next(c)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, <-closed)
	require.NoError(t, c.Close(), "a second time")
}

// TestOnIdle shows that the function is called when there is nothing more to yield, and
// not between payloads that came together.
func TestOnIdle(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	c := dial(t, t.Context(), path)
	conn := s.acceptRaw()
	conn.write(append(payload.AppendTypeInfo(nil), values("a", "b", "c")...))

	var seen []string
	c.OnIdle(func() {
		if len(seen) == 3 {
			seen = append(seen, "wait")
			conn.send("d")
		}
	})
	for pl, err := range c.Payloads() {
		require.NoError(t, err)
		seen = append(seen, string(pl.Data))
		if string(pl.Data) == "d" {
			break
		}
	}
	require.Equal(t, []string{"a", "b", "c", "wait", "d"}, seen)
}

func TestBrokenStream(t *testing.T) {
	for name, test := range map[string]struct {
		stream []byte
		want   error
	}{
		"another protocol": {[]byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"), payload.ErrNotASession},
		"killed agent":     {append(payload.AppendTypeInfo(nil), values("abc")[:4]...), io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			path := socketPath(t)
			s := serve(t, path)
			c := dial(t, t.Context(), path)
			conn := s.acceptRaw()
			conn.write(test.stream)
			conn.Close()
			_, err := next(c)
			require.ErrorIs(t, err, test.want)
		})
	}
}

func dial(t *testing.T, ctx context.Context, path string) *client.Client {
	c, err := client.Dial(ctx, path)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// next returns the Data of the next payload.
func next(c *client.Client) (string, error) {
	for pl, err := range c.Payloads() {
		if err != nil {
			return "", err
		}
		return string(pl.Data), nil
	}
	panic("Payloads yielded nothing")
}

// dropPrivileges makes the rest of the test's access checks those of a user without any.
func dropPrivileges(t *testing.T) {
	require.NoError(t, syscall.Seteuid(65534))
	t.Cleanup(func() { require.NoError(t, syscall.Seteuid(0)) })
}
