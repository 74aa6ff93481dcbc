// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"reflect"
	"sync"

	"github.com/cilium/monitor/api"
)

// SendEvent sends an event of user space to all subscribers. typ is its message
// type, 129 to 255 (api.MessageTypeAccessLog, api.MessageTypeAgent, ...; those below
// belong to the datapath). Consumers get the event itself. Clients and listeners get it
// encoded: one byte typ, then a gob stream of the event; for api.MessageTypeAgent the
// event given is an api.AgentNotifyMessage and the one encoded is its
// api.AgentNotify.
//
// Encoded, an event may have up to 1 MiB.
//
// SendEvent waits for no client. If other events are being distributed it does not wait
// for that either, and the event follows them; so event must not be changed after
// the call. Events of one goroutine keep their order.
//
// It returns an error if the event can't be encoded, which only clients and listeners then
// miss; [ErrQueueFull] if too many events wait to be distributed; [ErrStopped] once the
// agent's context is cancelled; and [ErrNoAgent] for a nil *Agent.
func (a *Agent) SendEvent(typ int, event interface{}) error {
	if a == nil {
		return ErrNoAgent
	}
	if typ < 0 || typ > 255 {
		return fmt.Errorf("send event of type %d: a message type is 0 to 255", typ)
	}
	if a.ctx.Err() != nil {
		return ErrStopped
	}
	ev := sent{typ: typ, event: event}
	var encodeErr error
	if a.encodes() {
		if ev.data, encodeErr = encode(typ, event); encodeErr != nil {
			a.counters.notEncoded.Add(1)
			if a.consumers.len() == 0 {
				return encodeErr
			}
		}
	} else if a.consumers.len() == 0 {
		return nil
	}

	taken, err := a.turn.takeOrLeave(ev)
	if err != nil {
		if err == ErrQueueFull {
			a.counters.queueFull.Add(1)
		}
		return err
	}
	if taken {
		a.distribute(ev)
	}
	return encodeErr
}

// behind calls then once all events that were accepted before are distributed: now, or on
// the goroutine that distributes them.
func (a *Agent) behind(then func()) {
	ev := sent{then: then}
	if taken, _ := a.turn.takeOrLeave(ev); taken {
		a.distribute(ev)
	}
}

// Flush waits until all events that SendEvent accepted, and those of the datapath that the
// reader is distributing, have been distributed: no subscriber that was removed before is
// in a callback when it returns nil. If ctx ends first it returns ctx's error. A callback
// must not call it.
func (a *Agent) Flush(ctx context.Context) error {
	if a == nil {
		return ErrNoAgent
	}
	flushed := make(chan struct{})
	a.behind(func() { close(flushed) })
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait until events are distributed: %w", ctx.Err())
	}
}

// distribute distributes an event and gives the turn back, which the caller has taken: also
// if a consumer panics, since the caller of SendEvent may recover.
func (a *Agent) distribute(ev sent) {
	defer a.giveTurn()
	a.distributeSent(ev)
}

// maxEvent is the size in bytes of the largest event of user space, which decoders of agent
// notifications and access log records take.
const maxEvent = 1 << 20

// buffers holds encoded events until the log has a copy of them.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// putBuffer gives a buffer back, unless it is so large that it should not be kept.
func putBuffer(buf *[]byte) {
	const most = 16 << 10
	if cap(*buf) <= most {
		buffers.Put(buf)
	}
}

// encode returns the Data of the payload for an event of user space.
func encode(typ int, event any) (*[]byte, error) {
	buf := buffers.Get().(*[]byte)
	out, err := appendEvent((*buf)[:0], typ, event)
	if err == nil && len(out) > maxEvent {
		err = fmt.Errorf("it has %d bytes, at most %d are allowed", len(out), maxEvent)
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
		notify, err := msg.ToJSON()
		if err != nil {
			return nil, err
		}
		return notify.Append(dst), nil
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
