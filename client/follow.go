// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"iter"
	"syscall"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
)

// [Follow] dials again after this long, and after twice as long each time there is
// no agent yet.
const (
	minRedial = 50 * time.Millisecond
	maxRedial = time.Second
)

// Hooks are called by [Follow] when something happens to the connection. Each can be nil. They
// are called on the goroutine that ranges over the payloads, which waits for them.
type Hooks struct {
	// OnDial is called with each connection before anything is read from it, also with one that
	// is refused then: to ask the kernel about the other end of the socket.
	OnDial func(conn syscall.Conn)

	// OnWait is called once if there is no agent to begin with, with the error of [Dial].
	OnWait func(err error)

	// Refine is called by FollowRequest with an answer, before OnConnect, and the request that was answered. It may change that for what the
	// answer says, such as the number of a message type that only the agent has a name of, and returns true then: the agent is asked again,
	// with that request, and Refine is not called for the answer.
	Refine func(g *session.Greeting, r *session.Request) (again bool)

	// OnConnect is called when there is a connection, the first one included. After one that was
	// refused ([ErrRefused]), it is called only once the agent has written something.
	OnConnect func()

	// OnGreeting is called by [FollowRequest] behind OnConnect, with what [Client.Greeting] returns.
	OnGreeting func(g *session.Greeting)

	// OnDictionary is called by [FollowRequest] when the dictionary in the greeting has changed, see [Client.OnDictionary].
	OnDictionary func(d *session.Dictionary)

	// OnLive is called by [FollowRequest] when the history ends, see [Client.OnLive].
	OnLive func()

	// OnSkipped is called by [FollowRequest] with how many events were not asked for since OnConnect, see [Client.OnSkipped].
	OnSkipped func(events uint64)

	// OnDisconnect is called when a connection is lost that OnConnect was called for, with the
	// reason as [Client.Events] yields it, and the first time that there can't be one because the agent refuses
	// it. Events are missed until OnConnect is called.
	OnDisconnect func(err error)

	// OnIdle is called before waiting for the agent, see [Client.OnIdle].
	OnIdle func()
}

// Follow yields the events of the agent that serves the monitor API 1.2 on the socket at path, and those of
// the next one that does, and so on: it waits for an agent to start, and when the connection is
// lost it connects again. What [Client.Payloads] says about memory holds here, too.
//
// The last thing it yields is an error, with a nil payload: that of [Dial] if there can't be a
// connection for another reason than [ErrNotRunning], such as [fs.ErrPermission]; [payload.ErrNotASession] if
// what serves the socket is no agent; else ctx's error.
func Follow(ctx context.Context, path string, hooks Hooks) iter.Seq2[*payload.Payload, error] {
	return payloadsOf(follow(ctx, path, nil, hooks))
}

// FollowRequest yields the events that a request asks for, as [DialRequest] does, of the agents that Follow would yield
// those of. An agent that serves the API 1.2 only sends all events: the greeting is nil then.
//
// After a connection is lost, a request with From asks the next agent for what came behind the last event that was
// yielded, so that what is still in its history is not missed.
//
// The last thing it yields is an error, with a nil event: as for Follow, and also [ErrEnd] if all that was asked for was
// delivered, [ErrNoHistory], a [session.Refusal] that is not temporary, and [session.ErrNotASession].
func FollowRequest(ctx context.Context, path string, request *session.Request, hooks Hooks) iter.Seq2[*Event, error] {
	return follow(ctx, path, request, hooks)
}

// follow follows with a request, or by the API 1.2 if there is none.
func follow(ctx context.Context, path string, request *session.Request, hooks Hooks) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		f := follower{path: path, hooks: hooks, delay: minRedial}
		if request != nil {
			asked := *request
			f.request = &asked
		}
		c, err := f.dial(ctx)
		for err == nil {
			if !f.read(c, yield) {
				return
			}
			ended := c.err
			if f.refined {
				if c, err = f.connect(ctx); err == nil {
					continue
				}
				f.refined, ended = false, err
			}
			if err = f.lost(ctx, ended); err == nil {
				c, err = f.redial(ctx, func(err error) bool { return !errors.Is(err, ErrNoHistory) })
			}
		}
		yield(nil, err)
	}
}

type follower struct {
	path    string
	request *session.Request // of the next connection; nil: API 1.2
	hooks   Hooks

	// delay comes before the next attempt to connect. It grows until a connection
	// brings a payload, so that a server which accepts connections only to close
	// them is not dialled in a tight loop.
	delay time.Duration

	refused bool // by the agent, the last time
	refined bool // the next connection is with a request that Refine has changed
}

// read yields the events of one connection until it ends, and closes it. It returns
// false if the caller's loop was left.
func (f *follower) read(c *Client, yield func(*Event, error) bool) bool {
	defer c.Close()
	if conn, ok := c.conn.(syscall.Conn); ok && f.hooks.OnDial != nil {
		f.hooks.OnDial(conn)
	}
	c.OnDictionary(f.hooks.OnDictionary)
	c.OnLive(f.hooks.OnLive)
	c.OnSkipped(f.hooks.OnSkipped)
	connected := func() { f.connected(c) }
	refined := f.refined
	f.refined = false
	if !c.asks() {
		c.OnIdle(f.hooks.OnIdle)
	}
	switch {
	case c.asks():
		if c.greet() != nil {
			return true
		}
		if !refined && f.hooks.Refine != nil && f.hooks.Refine(c.Greeting(), f.request) {
			f.refined = true
			return true
		}
		c.OnIdle(f.hooks.OnIdle)
		connected()
	case !f.refused:
		connected()
	default:
		c.onFirst = connected
	}
	for e, err := range c.Events() {
		if err != nil {
			break
		}
		f.delay = minRedial
		f.resumeBehind(e)
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// resumeBehind has the next connection go on behind an event, if the request asks for history.
func (f *follower) resumeBehind(e *Event) {
	if f.request != nil && f.request.From != (session.From{}) && !e.Time.IsZero() {
		f.request.From = session.From{Since: e.Time.UnixNano() + 1}
	}
}

// connected tells that there is a connection.
func (f *follower) connected(c *Client) {
	f.refused = false
	if f.hooks.OnConnect != nil {
		f.hooks.OnConnect()
	}
	if f.request != nil && f.hooks.OnGreeting != nil {
		f.hooks.OnGreeting(c.Greeting())
	}
}

// lost tells that the connection is lost, or returns an error that a new one can't help.
func (f *follower) lost(ctx context.Context, err error) error {
	var refusal *session.Refusal
	switch {
	case errors.Is(err, payload.ErrNotASession), errors.Is(err, session.ErrNotASession), err == ErrEnd,
		errors.As(err, &refusal) && !refusal.Temporary:
		return err
	case f.request != nil && f.request.Until != 0 && f.request.From.Since > f.request.Until:
		return ErrEnd // the last event that is wanted came, but not the word that it was the last
	}
	known := f.refused
	f.refused = errors.Is(err, ErrRefused)
	if ctx.Err() == nil && f.hooks.OnDisconnect != nil && !known {
		f.hooks.OnDisconnect(err)
	}
	return nil
}

// connect dials, and asks if there is a request.
func (f *follower) connect(ctx context.Context) (*Client, error) {
	if f.request == nil {
		return Dial(ctx, f.path)
	}
	return dialAndAsk(ctx, f.path, f.request)
}

// dial dials for the first time. It waits for an agent, but for nothing else that an agent which
// starts may not change.
func (f *follower) dial(ctx context.Context) (*Client, error) {
	c, err := f.connect(ctx)
	if !errors.Is(err, ErrNotRunning) {
		return c, err
	}
	if f.hooks.OnWait != nil {
		f.hooks.OnWait(err)
	}
	if f.hooks.OnIdle != nil {
		f.hooks.OnIdle()
	}
	c, err = f.redial(ctx, func(err error) bool { return errors.Is(err, ErrNotRunning) })
	f.delay = minRedial
	return c, err
}

// redial dials until somebody answers, or dialling fails with an error that again does not accept.
func (f *follower) redial(ctx context.Context, again func(error) bool) (*Client, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(f.delay):
		}
		f.delay = min(2*f.delay, maxRedial)
		c, err := f.connect(ctx)
		if err == nil || ctx.Err() != nil || !again(err) {
			return c, err
		}
	}
}
