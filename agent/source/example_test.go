// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
)

// channelSource has the records that somebody sends to a channel.
type channelSource struct {
	mu   sync.Mutex
	open *channelRings // guarded by mu; nil while nobody is subscribed
}

// channelRings has one ring, and is that ring, too.
type channelRings struct {
	source  *channelSource
	records chan source.Record
	wake    chan struct{}  // has room for one
	taken   *source.Record // by Wait, for Next
}

// send sends a record, and returns whether there is somebody to read it, and room for it.
func (s *channelSource) send(rec source.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return false
	}
	select {
	case s.open.records <- rec:
		return true
	default:
		return false
	}
}

// Open implements [source.Source].
func (s *channelSource) Open() (source.Rings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = &channelRings{source: s, records: make(chan source.Record, 1000), wake: make(chan struct{}, 1)}
	return s.open, nil
}

// Close implements [source.Source].
func (s *channelSource) Close() error { return nil }

// All implements [source.Rings].
func (r *channelRings) All() []source.Ring { return []source.Ring{r} }

// Wait implements [source.Rings].
func (r *channelRings) Wait(timeout time.Duration) (woken []int, err error) {
	if r.Pending() > 0 {
		return []int{0}, nil
	}
	var expired <-chan time.Time
	if timeout != source.Forever {
		expired = time.After(timeout)
	}
	select {
	case rec := <-r.records:
		r.taken = &rec
		return []int{0}, nil
	case <-r.wake:
	case <-expired:
	}
	return nil, nil
}

// Wake implements [source.Rings].
func (r *channelRings) Wake() error {
	select {
	case r.wake <- struct{}{}:
	default: // it will be woken up already
	}
	return nil
}

// Detach implements [source.Rings].
func (r *channelRings) Detach() error {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	if r.source.open == r {
		r.source.open = nil
	}
	return nil
}

// Unmap implements [source.Rings].
func (r *channelRings) Unmap() error { return r.Detach() }

// Close implements [source.Rings].
func (r *channelRings) Close() error { return r.Detach() }

// CPU implements [source.Ring].
func (r *channelRings) CPU() int { return 0 }

// Pending implements [source.Ring].
func (r *channelRings) Pending() int {
	if r.taken != nil {
		return 1 + len(r.records)
	}
	return len(r.records)
}

// Next implements [source.Ring].
func (r *channelRings) Next(rec *source.Record) (ok bool, err error) {
	if r.taken != nil {
		*rec, r.taken = *r.taken, nil
		return true, nil
	}
	select {
	case *rec = <-r.records:
		return true, nil
	default:
		return false, nil
	}
}

// Release implements [source.Ring]: nothing of a ring is shared with whoever writes.
func (r *channelRings) Release() {}

// The shortest source: an agent reads records from a channel.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	a := agent.NewAgent(ctx)
	src := &channelSource{}
	if err := a.AttachSource("channel", src); err != nil {
		fmt.Println(err)
	}
	events := a.Subscribe(ctx, "example")
	src.send(source.Record{Kind: source.Sample, Head: []byte{api.MessageTypeDrop, 133}})
	src.send(source.Record{Kind: source.Lost, Lost: 7})
	for pl := range events {
		if pl.Lost > 0 {
			fmt.Println("lost", pl.Lost)
			break
		}
		fmt.Println(api.MessageTypeName(int(pl.Data[0])), pl.Data)
	}
	fmt.Println(a.Stats().Sources[0].Records, "records")

	stop()
	<-a.Done()
	// Output:
	// drop [1 133]
	// lost 7
	// 2 records
}
