// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"bytes"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
)

// sharedDecoder has an event decoded once for all who follow: they come to it at about the same time. What it returns is
// shared, and must not be changed.
type sharedDecoder struct {
	decoder
	followers atomic.Int32
	recent    [recentEvents]atomic.Pointer[recentEvent] // by time
}

// recentEvents is how many events are kept decoded, at most, in case another one who follows asks for them: some two of the
// agent's read batches, about 1 KiB each.
const recentEvents = 512

type recentEvent struct {
	time    int64
	data    []byte
	message proto.Message
	err     error
}

// follow counts one who follows, until the function that it returns is called.
func (d *sharedDecoder) follow() (leave func()) {
	d.followers.Add(1)
	return func() {
		if d.followers.Add(-1) > 1 {
			return
		}
		for i := range d.recent { // nobody is left to share with
			d.recent[i].Store(nil)
		}
	}
}

// Decode implements decoder.
func (d *sharedDecoder) Decode(e agent.Event) (proto.Message, error) {
	if d.followers.Load() < 2 {
		return d.decoder.Decode(e)
	}
	at := e.Time.UnixNano()
	slot := &d.recent[uint64(at)%recentEvents]
	// The history's times are not those of the event log: what came at the same time there is another event.
	if known := slot.Load(); known != nil && known.time == at && bytes.Equal(known.data, e.Data) {
		return known.message, known.err
	}
	known := &recentEvent{time: at, data: bytes.Clone(e.Data)}
	known.message, known.err = d.decoder.Decode(e)
	slot.Store(known)
	return known.message, known.err
}
