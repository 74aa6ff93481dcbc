// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
)

// countingDecoder counts, and makes a flow with the data as its summary.
type countingDecoder struct{ calls atomic.Int32 }

func (d *countingDecoder) Decode(e agent.Event) (proto.Message, error) {
	d.calls.Add(1)
	return &flowpb.Flow{Uuid: string(e.Data)}, nil
}

// TestSharedDecoder decodes an event once for all who follow, whatever else has its time.
func TestSharedDecoder(t *testing.T) {
	counting := &countingDecoder{}
	d := &sharedDecoder{decoder: counting}
	now := time.Now()
	decode := func(at time.Time, data string) {
		t.Helper()
		shared := []byte(data)
		m, err := d.Decode(agent.Event{Time: at, Payload: &payload.Payload{Type: payload.EventSample, Data: shared}})
		require.NoError(t, err)
		require.Equal(t, data, m.(*flowpb.Flow).GetUuid())
		copy(shared, "overwritten, as the memory of a stream's events is")
	}
	leave := d.follow()
	decode(now, "a")
	decode(now, "a")
	require.EqualValues(t, 2, counting.calls.Swap(0), "for one there is nothing to keep")

	leaveToo := d.follow()
	decode(now, "a")
	decode(now, "a")
	require.EqualValues(t, 1, counting.calls.Swap(0))
	decode(now, "b")
	decode(now, "a")
	require.EqualValues(t, 2, counting.calls.Swap(0), "another event of the same time")
	decode(now.Add(recentEvents), "a")
	require.EqualValues(t, 1, counting.calls.Swap(0), "another time")

	leaveToo()
	for i := range d.recent {
		require.Nil(t, d.recent[i].Load())
	}
	leave()
}

// TestSharedDecoderConcurrently has many follow.
func TestSharedDecoderConcurrently(t *testing.T) {
	counting := &countingDecoder{}
	d := &sharedDecoder{decoder: counting}
	begin := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			defer d.follow()()
			for i := range 1000 {
				e := agent.Event{Time: begin.Add(time.Duration(i)), Payload: &payload.Payload{Data: []byte{byte(i)}}}
				if m, err := d.Decode(e); err != nil || m.(*flowpb.Flow).GetUuid() != string([]byte{byte(i)}) {
					t.Error("another event", m, err)
				}
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, counting.calls.Load(), int32(8000))
}
