// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"iter"
	"syscall"
	"time"

	"github.com/cilium/monitor/api/payload"
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

	// OnConnect is called when there is a connection, the first one included. After one that was
	// refused ([ErrRefused]), it is called only once the agent has written something.
	OnConnect func()

	// OnDisconnect is called when a connection is lost that OnConnect was called for, with the
	// reason as [Client.Payloads] yields it. Events are missed until OnConnect is called.
	OnDisconnect func(err error)

	// OnIdle is called before waiting for the agent, see [Client.OnIdle].
	OnIdle func()
}

// Follow yields the events of the agent that serves the socket at path, and those of
// the next one that does, and so on: it waits for an agent to start, and when the connection is
// lost it connects again. What [Client.Payloads] says about memory holds here, too.
//
// The last thing it yields is an error, with a nil payload: that of [Dial] if there can't be a
// connection for another reason than [ErrNotRunning], such as [fs.ErrPermission]; [payload.ErrNotASession] if
// what serves the socket is no agent; else ctx's error.
func Follow(ctx context.Context, path string, hooks Hooks) iter.Seq2[*payload.Payload, error] {
	return func(yield func(*payload.Payload, error) bool) {
		f := follower{path: path, hooks: hooks, delay: minRedial}
		c, err := f.dial(ctx)
		for err == nil {
			if !f.read(c, yield) {
				return
			}
			if err = f.lost(ctx, c.err); err == nil {
				c, err = f.redial(ctx, anyError)
			}
		}
		yield(nil, err)
	}
}

type follower struct {
	path  string
	hooks Hooks

	// delay comes before the next attempt to connect. It grows until a connection
	// brings a payload, so that a server which accepts connections only to close
	// them is not dialled in a tight loop.
	delay time.Duration

	refused bool // by the agent, the last time
}

// read yields the payloads of one connection until it ends, and closes it. It returns
// false if the caller's loop was left.
func (f *follower) read(c *Client, yield func(*payload.Payload, error) bool) bool {
	defer c.Close()
	if conn, ok := c.conn.(syscall.Conn); ok && f.hooks.OnDial != nil {
		f.hooks.OnDial(conn)
	}
	c.OnIdle(f.hooks.OnIdle)
	if !f.refused {
		f.connected()
	} else {
		c.onFirst = f.connected
	}
	for pl, err := range c.Payloads() {
		if err != nil {
			break
		}
		f.delay = minRedial
		if !yield(pl, nil) {
			return false
		}
	}
	return true
}

// connected tells that there is a connection.
func (f *follower) connected() {
	f.refused = false
	if f.hooks.OnConnect != nil {
		f.hooks.OnConnect()
	}
}

// lost tells that the connection is lost, or returns an error that a new one can't help.
func (f *follower) lost(ctx context.Context, err error) error {
	if errors.Is(err, payload.ErrNotASession) {
		return err
	}
	known := f.refused
	f.refused = errors.Is(err, ErrRefused)
	if ctx.Err() == nil && f.hooks.OnDisconnect != nil && !known {
		f.hooks.OnDisconnect(err)
	}
	return nil
}

// dial dials for the first time. It waits for an agent, but for nothing else that an agent which
// starts may not change.
func (f *follower) dial(ctx context.Context) (*Client, error) {
	c, err := Dial(ctx, f.path)
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

func anyError(error) bool { return true }

// redial dials until somebody answers, or dialling fails with an error that again does not accept.
func (f *follower) redial(ctx context.Context, again func(error) bool) (*Client, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(f.delay):
		}
		f.delay = min(2*f.delay, maxRedial)
		c, err := Dial(ctx, f.path)
		if err == nil || ctx.Err() != nil || !again(err) {
			return c, err
		}
	}
}
