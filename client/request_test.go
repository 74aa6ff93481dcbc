// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
)

// dialled is what DialRequest returned.
type dialled struct {
	*client.Client
	err error
}

// dialRequest asks on a goroutine, since the answer is the test's.
func dialRequest(t *testing.T, ctx context.Context, path string, request session.Request) <-chan dialled {
	done := make(chan dialled, 1)
	go func() {
		c, err := client.DialRequest(ctx, path, &request)
		if err == nil {
			t.Cleanup(func() { c.Close() })
		}
		done <- dialled{c, err}
	}()
	return done
}

// ask dials a server that greets.
func ask(t *testing.T, request session.Request) (*client.Client, *connection) {
	path := socketPath(t)
	s := serveRequests(t, path)
	done := dialRequest(t, t.Context(), path, request)
	conn, _ := s.acceptGreeted()
	c := <-done
	require.NoError(t, c.err)
	return c.Client, conn
}

// nextEvent returns a copy of the next event.
func nextEvent(c *client.Client) (client.Event, error) {
	for e, err := range c.Events() {
		if err != nil {
			return client.Event{}, err
		}
		event := *e
		event.Data = bytes.Clone(e.Data)
		return event, nil
	}
	panic("Events yielded nothing")
}

// TestRequest asks for something, and reads all kinds of frames.
func TestRequest(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	want := session.Request{
		Client: "test", Types: []int{1}, DropReasons: []int{133}, From: session.From{Last: 10}, Until: 1 << 60,
		Packets: []session.PacketRule{{Protocols: []int{6}}},
	}
	done := dialRequest(t, t.Context(), path, want)
	conn, got := s.acceptRequest()
	want.Version = session.Version
	require.Equal(t, &want, got)
	conn.greet()
	c := <-done
	require.NoError(t, c.err)
	require.Equal(t, greeting(), c.Greeting())

	const at = 1782907200123456789
	loss := session.Loss{Time: at + 1, Count: 7, AtLeast: true, CPU: payload.CPULostByReader, Cause: session.LostByRateLimit, Type: 4}
	changes := session.Dictionary{Names: recording.Names{Interfaces: map[uint32]string{2: "eth0"}}}
	frames := session.AppendEvent(nil, at, 3, []byte("abc"))
	frames = session.AppendLoss(frames, loss)
	frames = append(frames, 3, 0, 0, 0, 200, 0, 0, 0, 'n', 'e', 'w') // of a newer version
	frames = session.AppendLive(frames)
	frames = must(session.AppendDictionary(frames, &changes))
	frames = session.AppendEvent(frames, at+2, 0, nil)
	conn.write(session.AppendEnd(frames))

	var seen []string
	c.OnLive(func() { seen = append(seen, "live") })
	c.OnDictionary(func(d *session.Dictionary) {
		require.Same(t, &c.Greeting().Dictionary, d)
		seen = append(seen, d.Interfaces[1]+" "+d.Interfaces[2])
	})
	for _, want := range []client.Event{
		{Payload: payload.Payload{Type: payload.EventSample, CPU: 3, Data: []byte("abc")}, Time: time.Unix(0, at)},
		{Payload: payload.NewRateLimited(7, 4), Time: time.Unix(0, at+1), Loss: loss},
		{Payload: payload.Payload{Type: payload.EventSample, Data: []byte{}}, Time: time.Unix(0, at+2)},
	} {
		got, err := nextEvent(c.Client)
		require.NoError(t, err)
		require.Equal(t, want, got)
		seen = append(seen, "event")
	}
	require.Equal(t, []string{"event", "event", "live", "lo eth0", "event"}, seen)
	for range 2 {
		_, err := next(c.Client)
		require.Equal(t, client.ErrEnd, err)
	}
}

// TestRequestWithoutHooks reads what there are hooks for, and the end of the connection.
func TestRequestWithoutHooks(t *testing.T) {
	c, conn := ask(t, session.Request{})
	conn.write(must(session.AppendDictionary(session.AppendLive(nil), &session.Dictionary{})))
	conn.sendEvents(1)
	conn.Close()
	data, err := next(c)
	require.NoError(t, err)
	require.Equal(t, "\x01", data)
	_, err = next(c)
	require.Equal(t, io.EOF, err)
}

// TestFallBack asks an agent that serves the API 1.2 only.
func TestFallBack(t *testing.T) {
	path := socketPath(t)
	stale := socketPath(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: session.SocketPath(stale), Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	tooLong := filepath.Join(t.TempDir(), strings.Repeat("x", 107))
	tooLong = tooLong[:107]

	for name, path := range map[string]string{"no socket": path, "left behind": stale, "too long a path": tooLong} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, path)
			c, err := client.DialRequest(t.Context(), path, &session.Request{Types: []int{1}})
			require.NoError(t, err)
			defer c.Close()
			require.Nil(t, c.Greeting())
			c.OnLive(func() { t.Error("there is no history") })
			c.OnDictionary(func(*session.Dictionary) { t.Error("there is no dictionary") })
			conn := s.accept()
			conn.send("a")
			conn.write(payload.AppendValue(nil, &payload.Payload{CPU: 3, Lost: 7, Type: payload.RecordLost}))
			conn.write(payload.AppendValue(nil, &payload.Payload{CPU: -1, Lost: 8, Type: payload.RecordLost}))
			limited := payload.NewRateLimited(9, 4)
			conn.write(payload.AppendValue(nil, &limited))
			conn.send("b")
			for _, want := range []client.Event{
				{Payload: payload.Payload{Data: []byte("a"), CPU: 1, Type: payload.EventSample}},
				{Payload: payload.Payload{CPU: 3, Lost: 7, Type: payload.RecordLost}, Loss: session.Loss{Count: 7, CPU: 3, Cause: session.LostInKernel}},
				{Payload: payload.Payload{CPU: -1, Lost: 8, Type: payload.RecordLost}, Loss: session.Loss{Count: 8, CPU: -1, Cause: session.LostByReader}},
				{Payload: limited, Loss: session.Loss{Count: 9, CPU: -1, Cause: session.LostByRateLimit, Type: 4}},
				{Payload: payload.Payload{Data: []byte("b"), CPU: 1, Type: payload.EventSample}},
			} {
				got, err := nextEvent(c)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}

			_, err = client.DialRequest(t.Context(), path, &session.Request{From: session.From{Last: 1}, HistoryOnly: true})
			require.ErrorIs(t, err, client.ErrNoHistory)
			_, err = s.acceptRaw().Read(make([]byte, 1))
			require.Equal(t, io.EOF, err, "the connection is closed")
		})
	}
}

// TestDialRequestErrors has no agent that could be asked.
func TestDialRequestErrors(t *testing.T) {
	path := socketPath(t)
	_, err := client.DialRequest(t.Context(), path, &session.Request{})
	require.ErrorIs(t, err, client.ErrNotRunning)
	require.ErrorContains(t, err, path+":", "the path that was given")

	_, err = client.DialRequest(t.Context(), path, &session.Request{Types: []int{}})
	require.EqualError(t, err, "encode the request: types: it is empty: leave it out for all")

	serve(t, path)
	require.NoError(t, os.WriteFile(session.SocketPath(path), nil, 0o600))
	_, err = client.DialRequest(t.Context(), path, &session.Request{})
	require.ErrorContains(t, err, "it is not a socket")

	path = socketPath(t)
	serveRequests(t, path)
	require.NoError(t, os.Chmod(session.SocketPath(path), 0))
	both := socketPath(t)
	serveRequests(t, both)
	serve(t, both)
	require.NoError(t, os.Chmod(session.SocketPath(both), 0))
	for at := both; at != os.TempDir(); at = filepath.Dir(at) {
		require.NoError(t, os.Chmod(at, 0o777))
	}
	if os.Geteuid() == 0 {
		dropPrivileges(t)
	}
	_, err = client.DialRequest(t.Context(), path, &session.Request{})
	require.ErrorIs(t, err, fs.ErrPermission)
	c, err := client.DialRequest(t.Context(), both, &session.Request{})
	require.NoError(t, err)
	require.Nil(t, c.Greeting(), "the other API is served to this user")
	require.NoError(t, c.Close())
}

// TestRequestRefused is refused in all ways, and at once or later.
func TestRequestRefused(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)

	done := dialRequest(t, t.Context(), path, session.Request{})
	conn, _ := s.acceptRequest()
	conn.refuse(session.Refusal{Code: session.CodeRequest, Field: "types[0]", Text: "1 is not in 2-255"})
	err := (<-done).err
	require.EqualError(t, err, "the monitor agent refuses: types[0]: 1 is not in 2-255")
	var refusal *session.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, session.CodeRequest, refusal.Code)
	require.NotErrorIs(t, err, client.ErrRefused)

	for name, refuse := range map[string]func(*connection){
		"after the request":   func(c *connection) { _, _ = session.ReadRequest(c); c.refuse(busy) },
		"without the request": func(c *connection) { c.refuse(busy) },
	} {
		done := dialRequest(t, t.Context(), path, session.Request{})
		refuse(s.acceptRaw())
		err := (<-done).err
		require.ErrorIs(t, err, client.ErrRefused, name)
		require.EqualError(t, err, "the monitor agent refuses: it has 2 clients")
	}
	for name, refuse := range map[string]func(*connection){
		"after the request":   func(c *connection) { _, _ = session.ReadRequest(c); c.Close() },
		"without the request": func(c *connection) { c.Close() },
	} {
		done := dialRequest(t, t.Context(), path, session.Request{})
		refuse(s.acceptRaw())
		require.Equal(t, client.ErrRefused, (<-done).err, name)
	}

	c, conn := ask(t, session.Request{})
	conn.sendEvents(1)
	conn.refuse(session.Refusal{Code: session.CodeStopping, Text: "it stops", Temporary: true})
	_, err = next(c)
	require.NoError(t, err)
	_, err = next(c)
	require.EqualError(t, err, "the monitor agent refuses: it stops")
	require.ErrorIs(t, err, client.ErrRefused)
}

// TestRequestNoAgent asks something that is no agent, or a broken one.
func TestRequestNoAgent(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	for name, stream := range map[string]string{
		"another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n",
		"API 1.2":          string(payload.AppendTypeInfo(nil)),
		"no greeting":      string(session.AppendEnd(nil)),
		"an empty one":     "\x00\x00\x00\x00\x02\x00\x00\x00",
		"a wrong refusal":  "\x00\x00\x00\x00\x06\x00\x00\x00",
	} {
		done := dialRequest(t, t.Context(), path, session.Request{})
		conn, _ := s.acceptRequest()
		conn.write([]byte(stream))
		require.ErrorIs(t, (<-done).err, session.ErrNotASession, name)
	}
	done := dialRequest(t, t.Context(), path, session.Request{})
	conn, _ := s.acceptRequest()
	conn.write([]byte("\x01\x00"))
	conn.Close()
	require.ErrorIs(t, (<-done).err, io.ErrUnexpectedEOF)
}

// TestRequestBrokenStream has an agent send nonsense in the midst of a session.
func TestRequestBrokenStream(t *testing.T) {
	frame := func(kind session.Kind, body string) []byte {
		head := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
		return append(append(head, byte(kind), 0, 0, 0), body...)
	}
	large := session.Dictionary{Names: recording.Names{Interfaces: map[uint32]string{7: strings.Repeat("x", 3<<20)}}}
	for name, stream := range map[string][]byte{
		"a second greeting": greetingFrame(),
		"a request":         must(session.AppendRequest(nil, &session.Request{})),
		"a short event":     frame(session.KindEvent, "short"),
		"a short loss":      frame(session.KindLoss, "short"),
		"a dictionary":      frame(session.KindDictionary, "[]"),
		"a refusal":         frame(session.KindRefusal, ""),
		"a huge frame":      []byte("\xff\xff\xff\xff\x04\x00\x00\x00"),
		"ever more names": append(must(session.AppendDictionary(nil, &large)),
			must(session.AppendDictionary(nil, &session.Dictionary{DenyRules: []string{strings.Repeat("y", 3<<20)}}))...),
	} {
		t.Run(name, func(t *testing.T) {
			c, conn := ask(t, session.Request{})
			go func() { _, _ = conn.Write(stream) }()
			_, err := next(c)
			require.ErrorIs(t, err, session.ErrCorrupt)
			require.ErrorContains(t, err, "read from the monitor agent: ")
		})
	}
}

// TestRequestCancelled cancels while the agent takes its time to read or to answer.
func TestRequestCancelled(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	done := dialRequest(t, ctx, path, session.Request{})
	s.acceptRequest()
	cancel()
	require.Equal(t, context.Canceled, (<-done).err)

	_, err := client.DialRequest(ctx, path, &session.Request{})
	require.ErrorIs(t, err, context.Canceled)
}

// TestNothingAllocated reads events without allocating.
func TestNothingAllocated(t *testing.T) {
	c, conn := ask(t, session.Request{From: session.From{Last: 1}})
	const events = 1000
	var stream []byte
	for range events {
		stream = session.AppendLoss(session.AppendEvent(stream, 1, 2, make([]byte, 100)), session.Loss{Count: 1})
	}
	go func() { _, _ = conn.Write(stream) }()
	read := 0
	for _, err := range c.Events() {
		require.NoError(t, err)
		if read++; read == 10 {
			break
		}
	}
	var failed error
	require.Less(t, testing.AllocsPerRun(1, func() {
		n := 0
		for _, err := range c.Events() {
			if err != nil {
				failed = err
				return
			}
			if n++; n == events-10 {
				return
			}
		}
	}), 20.0)
	require.False(t, errors.Is(failed, io.EOF))
	require.NoError(t, failed)
}
