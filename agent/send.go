// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"math"
	"reflect"
	"sync"

	"github.com/cilium/monitor/api"
)

// SendEvent sends an event of user space to all subscribers. typ is its message type.
//
// The types of user space are 129 to 255 (api.MessageTypeAccessLog, api.MessageTypeAgent, ...).
// Consumers get the event itself. Clients, listeners and streams get it encoded: one byte typ,
// then a gob stream of the event; for api.MessageTypeAgent the event given is an
// api.AgentNotifyMessage and the one encoded is its api.AgentNotify. Encoded, an event may
// have up to [api.MaxUserEventSize] bytes.
//
// Types 0 to 128 belong to the datapath: a gob stream under one of them would be nonsense to
// whoever decodes it. So such an event goes to the consumers of this process only, which is what
// agents rely on that use type 0 for their own purposes.
//
// SendEvent waits for no client. If other events are being dispatched it does not wait
// for that either, and the event follows them; so event must not be changed after
// the call. Events of one goroutine keep their order.
//
// A consumer that panics is removed; the caller does not notice.
//
// It returns an error if the event can't be encoded, which only consumers then
// get; [ErrQueueFull] if too many events, or too many bytes of them, wait to be dispatched (see
// [WithQueueSize] and [WithQueueBytes]); [ErrStopped] once the
// agent's context is cancelled; and [ErrNoAgent] for a nil *Agent.
func (a *Agent) SendEvent(typ int, event interface{}) error {
	if a == nil {
		return ErrNoAgent
	}
	if typ < 0 || typ > math.MaxUint8 {
		return fmt.Errorf("send event of type %d: a message type is 0 to 255", typ)
	}
	if a.ctx.Err() != nil {
		return ErrStopped
	}
	ev := userEvent{typ: typ, event: event}
	var encodeErr error
	switch {
	case typ < api.MessageTypeAccessLog || !a.encodes():
	case a.demand.classesOfType(uint8(typ)) == 0:
		a.counters.unwantedUser.Add(1)
	default:
		if ev.data, encodeErr = encode(typ, event); encodeErr != nil {
			a.counters.notEncoded.Add(1)
		}
	}
	if ev.data == nil && a.consumers.len() == 0 {
		return encodeErr
	}
	if err := a.send(ev); err != nil {
		return err
	}
	return encodeErr
}

// send delivers an event, or leaves it with who holds the dispatch lock.
func (a *Agent) send(ev userEvent) error {
	acquired, err := a.dispatch.acquireOrSend(ev)
	if err != nil {
		if err == ErrQueueFull {
			a.counters.queueFull.Add(1)
		}
		return err
	}
	if acquired {
		// Also if a consumer ends the goroutine, as FailNow does in a test.
		defer a.release()
		a.deliverUserEventLocked(&ev)
		a.publishLocked()
		a.scheduleFlush()
	}
	return nil
}

// afterPending calls then once all entries that came before are dispatched: at once, or on
// the goroutine that dispatches them. It returns whether it was at once.
func (a *Agent) afterPending(then barrier) bool {
	if !a.dispatch.acquireOrDefer(then) {
		return false
	}
	then()
	a.release()
	return true
}

// Flush waits until all events that SendEvent accepted, and those of the datapath that a
// reader is dispatching, have been dispatched: no subscriber that was removed before is
// in a callback when it returns nil. If ctx ends first it returns ctx's error. A callback
// must not call it.
func (a *Agent) Flush(ctx context.Context) error {
	if a == nil {
		return ErrNoAgent
	}
	flushed := make(chan struct{})
	a.afterPending(func() { close(flushed) })
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait until events are dispatched: %w", ctx.Err())
	}
}

// buffers holds encoded events until the log has a copy of them.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// putBuffer gives a buffer back, unless it is so large that it should not be kept.
func putBuffer(buf *[]byte) {
	const limit = 16 << 10
	if cap(*buf) <= limit {
		buffers.Put(buf)
	}
}

// encode returns the Data of the payload for an event of user space.
func encode(typ int, event any) (*[]byte, error) {
	buf := buffers.Get().(*[]byte)
	out, err := appendEvent((*buf)[:0], typ, event)
	if err == nil && len(out) > api.MaxUserEventSize {
		err = fmt.Errorf("it has %d bytes, at most %d are allowed", len(out), api.MaxUserEventSize)
	}
	if err != nil {
		putBuffer(buf)
		return nil, fmt.Errorf("encode %s event for clients: %w", api.MessageTypeName(typ), err)
	}
	*buf = out
	return buf, nil
}

func appendEvent(dst []byte, typ int, event any) ([]byte, error) {
	if typ == api.MessageTypeAgent {
		msg, ok := event.(api.AgentNotifyMessage)
		if !ok {
			return nil, fmt.Errorf("it is a %T, not an api.AgentNotifyMessage", event)
		}
		return msg.Append(dst)
	}
	if v := reflect.ValueOf(event); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("it is a nil %T", event)
	}
	buf := bytes.NewBuffer(append(dst, byte(typ)))
	if err := gob.NewEncoder(buf).Encode(event); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
