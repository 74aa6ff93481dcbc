// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/listener"
	"github.com/cilium/monitor/testutils"
)

// TestListenerIsClosedOnce removes listeners that an agent has closed.
func TestListenerIsClosedOnce(t *testing.T) {
	f := start(t)
	l := newChannelListener()
	f.RegisterNewListener(l)
	f.stop()
	f.RemoveListener(l) // would close the channel twice
	_, open := <-l.events
	require.False(t, open)
}

// TestNothingAfterClose removes listeners while events flow.
func TestNothingAfterClose(t *testing.T) {
	f := attached(t)
	var stop atomic.Bool
	var sources sync.WaitGroup
	for cpu := range runtime.NumCPU() {
		sources.Go(func() {
			for !stop.Load() {
				_ = testutils.OnCPU(cpu, func() error { return f.gen.EmitTrace(200) })
			}
		})
	}
	for range 500 {
		l := newChannelListener()
		f.RegisterNewListener(l)
		<-l.events
		f.RemoveListener(l)
		for range l.events { // until it is closed
		}
	}
	stop.Store(true)
	sources.Wait()
}

// channelListener is a listener as many are: it must not be called once it is closed.
type channelListener struct{ events chan *payload.Payload }

func newChannelListener() *channelListener {
	return &channelListener{events: make(chan *payload.Payload, 1)}
}

func (l *channelListener) Enqueue(pl *payload.Payload) {
	select {
	case l.events <- pl:
	default:
	}
}
func (l *channelListener) Version() listener.Version { return listener.Version1_2 }
func (l *channelListener) Close()                    { close(l.events) }

// TestUnsupportedListener checks that a listener of another version is closed, and starts
// no reader.
func TestUnsupportedListener(t *testing.T) {
	f := attached(t)
	l := &oldListener{}
	f.RegisterNewListener(l)
	requireClosed(t, &l.FakeListener)
	require.Nil(t, f.State())
	require.Empty(t, f.Stats().Listeners)
}

type oldListener struct{ testutils.FakeListener }

func (*oldListener) Version() listener.Version { return "1.0" }

// TestListenerAfterCancel registers listeners right after the agent's context is cancelled, as
// agents do that are going down: they are closed before the call returns.
func TestListenerAfterCancel(t *testing.T) {
	for range 50 {
		ctx, cancel := context.WithCancel(context.Background())
		a := agent.NewAgent(ctx)
		cancel()
		l := newChannelListener()
		a.RegisterNewListener(l)
		select {
		case _, open := <-l.events:
			require.False(t, open)
		default:
			t.Fatal("the listener is open")
		}
		<-a.Done()
	}
}

// slowListener takes its time to close.
type slowListener struct {
	channelListener
	closing, release chan struct{}
	closed           atomic.Bool
}

func (l *slowListener) Close() {
	close(l.closing)
	<-l.release
	l.closed.Store(true)
}

// TestDoneWaitsForListeners stops agents while a listener is removed: Done closes when it is closed,
// not before.
func TestDoneWaitsForListeners(t *testing.T) {
	for _, removed := range []bool{true, false} {
		ctx, cancel := context.WithCancel(context.Background())
		a := agent.NewAgent(ctx)
		l := &slowListener{closing: make(chan struct{}), release: make(chan struct{})}
		a.RegisterNewListener(l)
		var remover sync.WaitGroup
		if removed {
			remover.Go(func() { a.RemoveListener(l) })
			<-l.closing
		}
		cancel()
		<-l.closing
		select {
		case <-a.Done():
			t.Error("the agent is done before its listener is closed")
		case <-time.After(20 * time.Millisecond): // a chance to be wrong
		}
		close(l.release)
		<-a.Done()
		require.True(t, l.closed.Load())
		remover.Wait()
	}
}
