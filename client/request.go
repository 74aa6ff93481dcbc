// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
)

var (
	// ErrEnd is why a stream ended if the agent has delivered all that was asked for.
	ErrEnd = errors.New("the monitor agent has delivered all that was asked for")

	// ErrNoHistory is returned for a request with HistoryOnly if the agent serves the API 1.2 only.
	ErrNoHistory = errors.New("the monitor agent is too old to have a history")
)

// DialRequest asks the agent whose API 1.2 is at path, by the API 1.3, which is served beside it, see [session.SocketPath].
// It returns when the agent has answered: no event is missed from then on.
//
// If the API 1.3 is not served, or not to this user, the client is as that of [Dial], without a [Client.Greeting]: all events from now on come,
// and the caller leaves out what is not wanted. So it does with what the greeting says that the agent does not apply.
//
// The error is as that of [Dial]; [ErrNoHistory]; or wraps a [session.Refusal] if the request is wrong, or the agent
// refuses it: if that is temporary, such as for too many clients, it is [ErrRefused], too. It wraps
// [session.ErrNotASession] if what serves the socket is no monitor agent.
func DialRequest(ctx context.Context, path string, request *session.Request) (*Client, error) {
	c, err := dialAndAsk(ctx, path, request)
	if err != nil {
		return nil, err
	}
	if err := c.greet(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// dialAndAsk is DialRequest up to the greeting.
func dialAndAsk(ctx context.Context, path string, request *session.Request) (*Client, error) {
	frame, err := session.AppendRequest(nil, request)
	if err != nil {
		return nil, err
	}
	c, err := dial(ctx, session.SocketPath(path))
	if errors.Is(err, ErrNotRunning) || errors.Is(err, syscall.EINVAL) || errors.Is(err, fs.ErrPermission) { // EINVAL: the path is too long
		return dialInstead(ctx, path, request, err)
	}
	if err != nil {
		return nil, err
	}
	c.source = &frames{reader: session.NewReader(reader{c})}
	// If the agent does not read, it may have answered nonetheless.
	if _, err := c.conn.Write(frame); err != nil && !errors.Is(err, syscall.EPIPE) {
		c.Close()
		return nil, c.reason(err)
	}
	return c, nil
}

// dialInstead dials the API 1.2, since the API 1.3 can't be: err says why.
func dialInstead(ctx context.Context, path string, request *session.Request, err error) (*Client, error) {
	c, oldErr := Dial(ctx, path)
	if errors.Is(err, fs.ErrPermission) && errors.Is(oldErr, ErrNotRunning) {
		return nil, err
	}
	if oldErr == nil && request.HistoryOnly {
		c.Close()
		return nil, ErrNoHistory
	}
	return c, oldErr
}

// asks reports whether the connection is one of the API 1.3.
func (c *Client) asks() bool {
	_, ok := c.source.(*frames)
	return ok
}

// greet waits for the answer to the request, if there is one. An error is that of the stream from then on.
func (c *Client) greet() error {
	if f, ok := c.source.(*frames); ok {
		var err error
		if f.greeting, err = f.reader.ReadGreeting(); err != nil {
			c.err = c.reason(explainRefusal(err))
		}
	}
	return c.err
}

// Greeting returns how the agent has answered the request; nil if it speaks the API 1.2, which has no requests. The
// dictionary in it is changed by Events when the agent's names change, and must not be changed by the caller.
func (c *Client) Greeting() *session.Greeting {
	if f, ok := c.source.(*frames); ok {
		return f.greeting
	}
	return nil
}

// OnDictionary sets a function that is called when the dictionary in the greeting has changed, before the events to which
// that applies, on the goroutine that ranges over Events. d is that dictionary. It must be set before that.
func (c *Client) OnDictionary(fn func(d *session.Dictionary)) {
	if f, ok := c.source.(*frames); ok {
		f.onDictionary = fn
	}
}

// OnLive sets a function that is called when all of the history that was asked for was yielded, on the goroutine that
// ranges over Events. It must be set before that.
func (c *Client) OnLive(fn func()) {
	if f, ok := c.source.(*frames); ok {
		f.onLive = fn
	}
}

// OnSkipped sets a function that is called with how many events the agent has had since the connection began that were not asked
// for, when it says so: before an event that was, and once a second. It is called on the goroutine that ranges over Events, and must be set
// before that. What nobody asks for the datapath need not make; that is not counted.
func (c *Client) OnSkipped(fn func(events uint64)) {
	if f, ok := c.source.(*frames); ok {
		f.onSkipped = fn
	}
}

// frames are the events of the API 1.3.
type frames struct {
	reader       *session.Reader
	greeting     *session.Greeting
	onDictionary func(*session.Dictionary) // may be nil
	onLive       func()                    // may be nil
	onSkipped    func(uint64)              // may be nil
}

func (f *frames) next(e *Event) error {
	for {
		kind, body, err := f.reader.Next()
		if err != nil {
			return err
		}
		switch kind {
		case session.KindEvent:
			event, err := session.DecodeEvent(body)
			*e = Event{
				Payload: payload.Payload{Type: payload.EventSample, CPU: event.CPU, Data: event.Data},
				Time:    time.Unix(0, event.Time),
			}
			return err
		case session.KindLoss:
			loss, err := session.DecodeLoss(body)
			*e = Event{
				Payload: payload.Payload{Type: payload.RecordLost, CPU: loss.CPU, Lost: loss.Count},
				Time:    time.Unix(0, loss.Time),
				Loss:    loss,
			}
			if loss.Cause == session.LostByRateLimit {
				e.Payload = payload.NewRateLimited(loss.Count, loss.Type)
			}
			return err
		case session.KindDictionary:
			if err := f.update(body); err != nil {
				return err
			}
		case session.KindLive:
			if f.onLive != nil {
				f.onLive()
			}
		case session.KindSkipped:
			skipped, err := session.DecodeSkipped(body)
			if err != nil {
				return err
			}
			if f.onSkipped != nil {
				f.onSkipped(skipped)
			}
		case session.KindEnd:
			return ErrEnd
		case session.KindRefusal:
			refusal, err := session.DecodeRefusal(body)
			if err != nil {
				return err
			}
			return explainRefusal(refusal)
		case session.KindGreeting, session.KindRequest:
			return fmt.Errorf("%w: one of kind %d in the midst of a session", session.ErrCorrupt, kind)
		}
	}
}

// update takes changes of the dictionary.
func (f *frames) update(body []byte) error {
	changes, err := session.DecodeDictionary(body)
	if err != nil {
		return err
	}
	if err := f.greeting.Dictionary.Update(changes); err != nil {
		return err
	}
	if f.onDictionary != nil {
		f.onDictionary(&f.greeting.Dictionary)
	}
	return nil
}

// refusedError is a [session.Refusal] as a client returns it. One that is temporary is an [ErrRefused].
type refusedError struct{ refusal *session.Refusal }

func (e refusedError) Error() string { return "the monitor agent refuses: " + e.refusal.Error() }

func (e refusedError) Unwrap() error { return e.refusal }

func (e refusedError) Is(target error) bool { return target == ErrRefused && e.refusal.Temporary }

// explainRefusal returns the error that a client returns for one of package session.
func explainRefusal(err error) error {
	var refusal *session.Refusal
	if errors.As(err, &refusal) {
		return refusedError{refusal}
	}
	return err
}
