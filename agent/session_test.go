// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
	monitorclient "github.com/cilium/monitor/client"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/listener"
)

// serveSessions serves the API 1.3 beside 1.2.
func serveSessions(t testing.TB, f *fixture, opts ...agent.ServerOption) {
	t.Helper()
	opts = append(opts, agent.WithSocketPath(session.SocketPath(f.socket)), agent.WithProgram("test 1"))
	require.NoError(t, agent.ServeSessions(f.Agent, opts...))
}

// ask connects and sends a request.
func ask(t testing.TB, f *fixture, request *session.Request) *monitorclient.Client {
	t.Helper()
	c, err := monitorclient.DialRequest(t.Context(), f.socket, request)
	require.NoError(t, err)
	require.NotNil(t, c.Greeting())
	t.Cleanup(func() { c.Close() })
	return c
}

// texts returns the next n events of a client.
func texts(t testing.TB, c *monitorclient.Client, n int) (all []string) {
	t.Helper()
	for e, err := range c.Events() {
		if err != nil {
			return append(all, err.Error())
		}
		text := string(e.Data)
		if e.Type == payload.RecordLost {
			text = fmt.Sprint("lost ", e.Lost, " ", e.Loss.Cause)
		}
		if all = append(all, text); len(all) == n {
			break
		}
	}
	return all
}

// TestSession has clients that ask for all, for a type, and for what was before.
func TestSession(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA, typeB), 1<<20))
	serveSessions(t, g.fixture)
	all, a := ask(t, g.fixture, &session.Request{Client: "all"}), ask(t, g.fixture, &session.Request{Types: []int{typeA}})

	require.True(t, g.src.write("a1", "b1", "c1"))
	require.True(t, g.src.lose(3))
	require.True(t, g.src.write("a2"))
	require.Equal(t, []string{"a1", "b1", "c1", "lost 3 kernel", "a2"}, texts(t, all, 5))
	require.Equal(t, []string{"a1", "lost 3 kernel", "a2"}, texts(t, a, 3))

	require.Equal(t, []string{"b1", "lost 3 kernel", "a2", monitorclient.ErrEnd.Error()},
		texts(t, ask(t, g.fixture, &session.Request{From: session.From{Last: 2}, HistoryOnly: true}), 9))
	last := ask(t, g.fixture, &session.Request{Types: []int{typeA, 'c'}, From: session.From{Last: 1}})
	live := false
	last.OnLive(func() { live = true })
	require.Equal(t, []string{"a2"}, texts(t, last, 1))
	require.False(t, live)
	require.True(t, g.src.write("b3", "c3", "a3"))
	require.Equal(t, []string{"c3", "a3"}, texts(t, last, 2))
	require.True(t, live)

	stats := g.Stats()
	require.Len(t, stats.Clients, 3)
	require.Equal(t, "all", stats.Clients[0].Name)
	require.Equal(t, listener.Version1_3, stats.Clients[0].Version)
	require.Empty(t, stats.Clients[0].Wants)
	require.Equal(t, "unknown(97)", stats.Clients[1].Wants)
	eventually(t, func() bool { return g.Stats().Clients[1].Delivered == 6 }, "the numbers are of what it asked for")

	for _, c := range []*monitorclient.Client{all, a, last} {
		require.NoError(t, c.Close())
	}
	eventually(t, func() bool { return len(g.Stats().Clients) == 0 }, "the clients are gone")
	unwanted := g.Stats().Unwanted
	require.True(t, g.src.write("c4", "a4"))
	eventually(t, func() bool { return g.Stats().Unwanted == unwanted+1 }, "nobody wants c any more, the history a")
}

// TestSessionGreeting looks at what an agent says of itself.
func TestSessionGreeting(t *testing.T) {
	names := &session.Dictionary{Names: recording.Names{Node: "n1", Interfaces: map[uint32]string{2: "eth0"}}}
	var current atomic.Pointer[session.Dictionary]
	current.Store(names)
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA), 1<<20))
	serveSessions(t, g.fixture, agent.WithDictionary(current.Load), agent.WithOpening(api.DenyRulesNotice([]string{"tcp/80"})))
	c := ask(t, g.fixture, &session.Request{Types: []int{typeA}, Packets: []session.PacketRule{{Protocols: []int{6}}}, From: session.From{Last: 7}})
	greeting := c.Greeting()
	require.Equal(t, session.Version, greeting.Version)
	require.Equal(t, "test 1", greeting.Agent)
	require.WithinRange(t, time.Unix(0, greeting.Time), time.Now().Add(-timeout), time.Now())
	require.Equal(t, session.Applies{Types: true, DropReasons: true, Packets: true, Until: true, From: true}, greeting.Applies)
	require.Equal(t, &session.History{Types: []int{typeA}}, greeting.History)
	require.Equal(t, "n1", greeting.Dictionary.Node)
	require.Equal(t, []string{"tcp/80"}, greeting.Dictionary.DenyRules)

	changed := make(chan string, 10)
	c.OnDictionary(func(d *session.Dictionary) { changed <- d.Interfaces[3] })
	current.Store(&session.Dictionary{Names: recording.Names{Node: "n1", Interfaces: map[uint32]string{2: "eth0", 3: "eth1"}}})
	done := make(chan []string)
	go func() { done <- texts(t, c, 1) }()
	require.Equal(t, "eth1", <-changed)
	require.True(t, g.src.write("a1"))
	require.Equal(t, []string{"a1"}, <-done)
	require.Equal(t, []string{"tcp/80"}, greeting.Dictionary.DenyRules)
	require.True(t, ask(t, g.fixture, &session.Request{From: session.From{Last: 7}}).Greeting().Applies.From)
}

// TestSessionInPython has a client in another language ask an agent for its history.
func TestSessionInPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3: runs a client in Python")
	}
	g := newGuarded(t, agent.WithHistory(interest.Interest{}, 1<<20))
	serveSessions(t, g.fixture)
	require.True(t, g.src.write("a1", "b1", "a2"))
	eventually(t, func() bool { return g.Stats().History.Payloads == 3 }, "it is kept")
	cmd := exec.Command("python3", "../api/session/testdata/client.py",
		"--request", `{"types": [97], "from": {"last": 9}, "historyOnly": true, "unknown": 1}`, session.SocketPath(g.socket))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), hex.EncodeToString([]byte("a1")))
	require.Contains(t, string(out), hex.EncodeToString([]byte("a2")))
	require.NotContains(t, string(out), hex.EncodeToString([]byte("b1")))
}

// TestSessionUntil ends sessions at a time, whether there is an event behind it or not.
func TestSessionUntil(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Interest{}, 1<<20))
	serveSessions(t, g.fixture)
	require.True(t, g.src.write("a1"))
	eventually(t, func() bool { return g.Stats().History.Payloads == 1 }, "it is kept")
	between := time.Now().UnixNano()
	require.True(t, g.src.write("a2"))
	eventually(t, func() bool { return g.Stats().History.Payloads == 2 }, "it is kept")
	require.Equal(t, []string{"a1", monitorclient.ErrEnd.Error()},
		texts(t, ask(t, g.fixture, &session.Request{From: session.From{Last: 9}, Until: between}), 9))
	require.Equal(t, []string{monitorclient.ErrEnd.Error()},
		texts(t, ask(t, g.fixture, &session.Request{Until: time.Now().Add(time.Millisecond).UnixNano()}), 9), "on a quiet node")
}

// TestSessionNotice tells clients what is wrong with a source, whatever they want.
func TestSessionNotice(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture)
	c := ask(t, g.fixture, &session.Request{Types: []int{typeA}})
	g.src.fail(errors.New("it is broken"))
	require.Contains(t, texts(t, c, 1)[0], "it is broken")
	require.Contains(t, texts(t, ask(t, g.fixture, &session.Request{Types: []int{typeA}}), 1)[0], "it is broken", "in the opening")
	g.src.fail(nil)
}

// TestSessionRefusals sends what is no request.
func TestSessionRefusals(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture)
	head := func(size, kind int) string {
		return string(binary.LittleEndian.AppendUint32(nil, uint32(size))) + string([]byte{byte(kind), 0, 0, 0})
	}
	for _, tc := range []struct{ sent, code, text string }{
		{"GET / HTTP/1.1\r\n\r\n", session.CodeRequest, "begins with a frame of kind 1"},
		{head(64<<10+1, 1), session.CodeRequest, "at most 65536"},
		{head(1, 1) + "x", session.CodeRequest, "no JSON"},
		{head(17, 1) + `{"version":"2.0"}`, session.CodeVersion, "this agent speaks 1.3"},
		{head(29, 1) + `{"version":"1.3","types":[]} `, session.CodeRequest, "empty"},
	} {
		conn, err := net.Dial("unix", session.SocketPath(g.socket))
		require.NoError(t, err)
		_, err = io.WriteString(conn, tc.sent)
		require.NoError(t, err)
		kind, body, err := session.NewReader(conn).Next()
		require.NoError(t, err)
		require.Equal(t, session.KindRefusal, kind)
		refusal, err := session.DecodeRefusal(body)
		require.NoError(t, err)
		require.Equal(t, tc.code, refusal.Code)
		require.Contains(t, refusal.Error(), tc.text)
		_, err = conn.Read(make([]byte, 1))
		require.Error(t, err, "it is closed")
		conn.Close()
	}
	require.Empty(t, g.Stats().Clients)
	require.Zero(t, g.Stats().TotalSubscribers.Clients)
	require.Nil(t, g.State(), "nobody is subscribed")
}

// TestSessionRequestInPieces sends a request byte by byte, and bytes behind it, which mean nothing.
func TestSessionRequestInPieces(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture)
	conn, err := net.Dial("unix", session.SocketPath(g.socket))
	require.NoError(t, err)
	defer conn.Close()
	frame, err := session.AppendRequest(nil, &session.Request{})
	require.NoError(t, err)
	for _, b := range frame {
		_, err := conn.Write([]byte{b})
		require.NoError(t, err)
	}
	r := session.NewReader(conn)
	_, err = r.ReadGreeting()
	require.NoError(t, err)
	_, err = conn.Write([]byte(strings.Repeat("x", 5000)))
	require.NoError(t, err)
	require.True(t, g.src.write("a1"))
	kind, body, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, session.KindEvent, kind)
	e, err := session.DecodeEvent(body)
	require.NoError(t, err)
	require.Equal(t, "a1", string(e.Data))
}

// TestSessionRequestInManyPieces sends bytes of a large request one by one, each once the one before is read: what the agent does for
// each does not grow with the request.
func TestSessionRequestInManyPieces(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture)
	conn, err := net.Dial("unix", session.SocketPath(g.socket))
	require.NoError(t, err)
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	require.NoError(t, err)
	unread := func() (n int) {
		require.NoError(t, raw.Control(func(fd uintptr) {
			n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		}))
		require.NoError(t, err)
		return n
	}
	const pieces = 2000
	frame := append(binary.LittleEndian.AppendUint32(nil, session.MaxRequestSize), byte(session.KindRequest), 0, 0, 0)
	frame = append(frame, strings.Repeat(" ", pieces)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, b := range frame {
		_, err := conn.Write([]byte{b})
		require.NoError(t, err)
		for unread() > 0 {
			runtime.Gosched()
		}
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(pieces*session.MaxRequestSize/4))
}

// TestSessionsOfStrangers has clients that send no request: they are no subscribers, and go when the agent stops.
func TestSessionsOfStrangers(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture, agent.WithMaxClients(3))
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("unix", session.SocketPath(g.socket))
		require.NoError(t, err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	_, err := monitorclient.DialRequest(t.Context(), g.socket, &session.Request{})
	require.ErrorIs(t, err, monitorclient.ErrRefused)
	require.NoError(t, conns[0].Close())
	eventually(t, func() bool {
		c, err := monitorclient.DialRequest(t.Context(), g.socket, &session.Request{})
		if err == nil {
			c.Close()
		}
		return err == nil
	}, "there is room for another one")
	eventually(t, func() bool { return g.State() == nil }, "nobody is subscribed")
	g.stop()
	kind, _, err := session.NewReader(conns[1]).Next()
	require.NoError(t, err)
	require.Equal(t, session.KindRefusal, kind)
}

// TestSessionsAreExact floods an agent with clients of both APIs, one of them slow: each gets every event that it wants or
// is told that it lost it.
func TestSessionsAreExact(t *testing.T) {
	f := attached(t, agent.WithQueueSize(2000), agent.WithHistory(interest.Types(api.MessageTypeDrop), 1<<20))
	serveSessions(t, f)
	old := f.connect(t)
	type count struct{ events, lost atomic.Uint64 }
	var traces, drops, slow count
	var readers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	pause := make(chan struct{})
	follow := func(n *count, request *session.Request, wait <-chan struct{}) {
		c, err := monitorclient.DialRequest(ctx, f.socket, request)
		require.NoError(t, err)
		readers.Go(func() {
			defer c.Close()
			<-wait
			for e, err := range c.Events() {
				if err != nil {
					return
				}
				if e.Loss.Cause == session.LostByReader {
					n.lost.Add(e.Lost)
				}
				n.events.Add(max(1, e.Lost))
			}
		})
	}
	open := make(chan struct{})
	close(open)
	follow(&traces, &session.Request{Types: []int{api.MessageTypeTrace}}, open)
	follow(&drops, &session.Request{Types: []int{api.MessageTypeDrop}}, open)
	follow(&slow, &session.Request{Types: []int{api.MessageTypeTrace}}, pause)
	byType := func(name string) uint64 {
		for _, typ := range f.Stats().Datapath.Types {
			if typ.Name == name {
				return typ.Events
			}
		}
		return 0
	}
	for byType("trace") < 12_000 {
		require.NoError(t, f.gen.EmitTrace(400))
		require.NoError(t, f.gen.EmitSample([]byte{api.MessageTypeDrop, 133, 0, 0}, 4))
	}
	eventually(t, func() bool { return old.total() == f.emitted(t) }, "a client of 1.2 gets all")
	close(pause)
	counters, err := f.gen.Counters()
	require.NoError(t, err)
	kernel := counters.NoSpace
	eventually(t, func() bool { return traces.events.Load() == byType("trace")+kernel }, "all traces")
	eventually(t, func() bool { return drops.events.Load() == byType("drop")+kernel }, "all drops")
	assert.Zero(t, drops.lost.Load(), "drops are few, so nobody falls behind")
	eventually(t, func() bool { return slow.events.Load() == byType("trace")+kernel }, "all traces, or how many are lost")
	assert.NotZero(t, slow.lost.Load())
	stop()
	readers.Wait()
}

// TestSessionOfNoHistory asks an agent that keeps nothing for what happened before, and for nothing else.
func TestSessionOfNoHistory(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture)
	c := ask(t, g.fixture, &session.Request{From: session.From{Last: 7}, HistoryOnly: true})
	require.Nil(t, c.Greeting().History)
	require.Equal(t, []string{monitorclient.ErrEnd.Error()}, texts(t, c, 1))
}

// TestSessionLastUntil asks for the last events before a time.
func TestSessionLastUntil(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Interest{}, 1<<20))
	serveSessions(t, g.fixture)
	require.True(t, g.src.write("a1", "a2", "a3"))
	eventually(t, func() bool { return g.Stats().History.Payloads == 3 }, "it is kept")
	until := time.Now().UnixNano()
	require.True(t, g.src.write("a4", "a5"))
	eventually(t, func() bool { return g.Stats().History.Payloads == 5 }, "it is kept")
	c := ask(t, g.fixture, &session.Request{From: session.From{Last: 2}, Until: until})
	require.True(t, c.Greeting().Applies.From)
	require.Equal(t, []string{"a2", "a3", monitorclient.ErrEnd.Error()}, texts(t, c, 3))
}

// TestSessionUntilHeldUp has a consumer hold up an event that came in time until the time is over: it is delivered,
// and the one behind it is not, nor counted as delivered.
func TestSessionUntilHeldUp(t *testing.T) {
	g := newGuarded(t)
	var looks atomic.Int64
	serveSessions(t, g.fixture, agent.WithDictionary(func() *session.Dictionary {
		looks.Add(1)
		return &session.Dictionary{}
	}))
	blocked := &blockedConsumer{called: make(chan struct{}, 100), release: make(chan struct{})}
	release := sync.OnceFunc(func() { close(blocked.release) })
	defer release()
	g.RegisterNewConsumer(blocked)
	until := time.Now().Add(time.Second)
	c := ask(t, g.fixture, &session.Request{Until: until.UnixNano()})
	require.True(t, g.src.write("a1"))
	<-blocked.called
	eventually(t, func() bool { return time.Now().After(until) }, "the time is over")
	seen := looks.Load()
	eventually(t, func() bool { return looks.Load() > seen+1 }, "the server has looked what is to end since")
	require.True(t, g.src.write("a2"))
	release()
	require.Equal(t, []string{"a1", monitorclient.ErrEnd.Error()}, texts(t, c, 2))
	eventually(t, func() bool { return len(g.Stats().Clients) == 0 }, "the session is over")
	require.EqualValues(t, 1, g.Stats().ClientTotals.Delivered)
}

// TestSessionPassesOver asks for what a history of many other events does not have, and for what comes.
func TestSessionPassesOver(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA), 8<<20))
	serveSessions(t, g.fixture)
	require.True(t, g.src.write(slices.Repeat([]string{"a" + strings.Repeat("x", 999)}, 5000)...))
	eventually(t, func() bool { return g.Stats().History.Payloads == 5000 }, "it is kept")
	c := ask(t, g.fixture, &session.Request{Types: []int{typeB}, From: session.From{Last: 1}})
	live := make(chan struct{})
	c.OnLive(func() { close(live) })
	got := make(chan []string)
	go func() { got <- texts(t, c, 1) }()
	<-live
	require.True(t, g.src.write("b1"))
	require.Equal(t, []string{"b1"}, <-got)
	require.Equal(t, []string{monitorclient.ErrEnd.Error()},
		texts(t, ask(t, g.fixture, &session.Request{Types: []int{typeB}, From: session.From{Last: 1}, HistoryOnly: true}), 1))
}
