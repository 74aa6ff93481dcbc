// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"os"
	"syscall"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
)

// DefaultSocketPath is where an agent serves the monitor API unless it is told
// otherwise.
const DefaultSocketPath = "/var/run/cilium/monitor1_2.sock"

// ErrNotRunning is returned by [Dial] if nobody serves the socket: it does not exist,
// or the agent that made it is gone. In the first case the error is
// [fs.ErrNotExist], too.
var ErrNotRunning = errors.New("no monitor agent is running")

// ErrRefused is why a stream ended if the agent closed the connection before it wrote anything: it
// has as many clients as it takes, or is stopping. It is an [io.EOF], too.
var ErrRefused = fmt.Errorf("the monitor agent closed the connection at once, it may have too many clients: %w", io.EOF)

// Client is a connection to a monitor agent.
type Client struct {
	conn    net.Conn
	source  decoder
	ctx     context.Context
	release func() bool // stops ctx from closing the connection
	onIdle  func()
	onFirst func() // called when the agent has written something; may be nil
	anyByte bool   // it has
	err     error  // that ended the stream
}

// decoder reads the stream of a connection.
type decoder interface {
	// next reads the next event. Its Data is valid until the next call.
	next(e *Event) error
}

// Dial connects to the agent that serves the monitor API 1.2 on the socket at path. Cancelling ctx closes the
// connection.
//
// The error wraps [ErrNotRunning] if there is no agent, [fs.ErrPermission] if this user
// may not read the socket, or ctx's error. Dial waits neither for an agent to start nor
// for the agent to accept: events of the first moment can be missing.
func Dial(ctx context.Context, path string) (*Client, error) {
	c, err := dial(ctx, path)
	if err != nil {
		return nil, err
	}
	c.source = payloads{payload.NewDecoder(reader{c})}
	return c, nil
}

// dial connects to whatever serves the socket at path.
func dial(ctx context.Context, path string) (*Client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			conn.Close()
		}
		return nil, fmt.Errorf("connect to the monitor agent: %w", ctx.Err())
	case errors.Is(err, syscall.ECONNREFUSED) && !isSocket(path):
		return nil, fmt.Errorf("connect to the monitor agent: it is not a socket: %w", err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	case err != nil:
		return nil, fmt.Errorf("connect to the monitor agent: %w", err)
	}
	c := &Client{conn: conn, ctx: ctx}
	c.release = context.AfterFunc(ctx, func() { conn.Close() })
	return c, nil
}

func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Type() == fs.ModeSocket
}

// OnIdle sets a function that is called each time before the client waits for the agent:
// all events that have arrived were yielded, so it is the time to write out
// what is still in a buffer. It is called on the goroutine that ranges over
// Events, and it can be called more often. It must be set before that.
func (c *Client) OnIdle(fn func()) { c.onIdle = fn }

// Events yields the events that were asked for, those from the connection on unless [DialRequest] asked for others, in the
// agent's order. The last thing it yields is an error, with a nil event: [io.EOF] if the agent
// closed the connection, [ErrRefused] if that was before it wrote anything, [ErrEnd] if it delivered all that was asked for,
// a [session.Refusal] if it said why it ends, ctx's error if that was cancelled, [net.ErrClosed] after
// Close, [payload.ErrNotASession] or, after a request, [session.ErrNotASession] if what serves the socket is no monitor
// agent, else what is wrong with the stream.
//
// The event and its Data are valid until the loop body returns: their memory is
// used for the next one. Who keeps Data copies it.
//
// A loop that was left can be resumed by another one, with the next event. Only one
// goroutine may range at a time.
func (c *Client) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		var e Event
		for c.err == nil {
			if err := c.source.next(&e); err != nil {
				c.err = c.reason(err)
				break
			}
			if !yield(&e, nil) {
				return
			}
		}
		yield(nil, c.err)
	}
}

// Payloads is Events for those who need no more than the payload of an event.
func (c *Client) Payloads() iter.Seq2[*payload.Payload, error] { return payloadsOf(c.Events()) }

func payloadsOf(events iter.Seq2[*Event, error]) iter.Seq2[*payload.Payload, error] {
	return func(yield func(*payload.Payload, error) bool) {
		for e, err := range events {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&e.Payload, nil) {
				return
			}
		}
	}
}

// reason returns why the stream ended, given the decoder's error.
func (c *Client) reason(err error) error {
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case err == io.EOF && !c.anyByte:
		return ErrRefused
	case err == io.EOF, err == ErrEnd, errors.As(err, new(*session.Refusal)):
		return err
	default:
		return fmt.Errorf("read from the monitor agent: %w", err)
	}
}

// Close closes the connection. It may be called at any time, by any goroutine; a
// loop over Events then ends.
func (c *Client) Close() error {
	if !c.release() {
		return nil // ctx closes it
	}
	return c.conn.Close()
}

// reader is the connection as the decoder reads it.
type reader struct{ *Client }

func (r reader) Read(b []byte) (int, error) {
	if r.onIdle != nil {
		r.onIdle()
	}
	n, err := r.conn.Read(b)
	if errors.Is(err, syscall.ECONNRESET) { // what was written to the agent is still unread
		err = io.EOF
	}
	if n > 0 && !r.anyByte {
		r.anyByte = true
		if r.onFirst != nil {
			r.onFirst()
		}
	}
	return n, err
}
