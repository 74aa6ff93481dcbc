// SPDX-License-Identifier: Apache-2.0

package ciliumagent_test

import (
	"bytes"
	"testing"

	ciliumlistener "github.com/cilium/cilium/pkg/monitor/agent/listener"
	ciliumapi "github.com/cilium/cilium/pkg/monitor/api"
	ciliumpayload "github.com/cilium/cilium/pkg/monitor/payload"
	ciliumlog "github.com/cilium/cilium/pkg/proxy/accesslog"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/ciliumagent"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/testutils"
)

// TestRemoval registers the same consumer and listener again and removes them, once through another view of the agent:
// they get events once, and none after that.
func TestRemoval(t *testing.T) {
	f := unattached(t)
	c, other := &testutils.FakeConsumer{}, &testutils.FakeConsumer{}
	l := newListener(ciliumlistener.Version1_2)
	send := func() {
		require.NoError(t, f.SendEvent(ciliumapi.MessageTypeAgent, ciliumapi.AgentNotifyMessage{Type: ciliumapi.AgentNotifyGeneric, Notification: "hello"}))
		require.NoError(t, f.ours.Flush(t.Context()))
	}
	f.RegisterNewConsumer(c)
	f.RegisterNewConsumer(c)
	f.RegisterNewConsumer(other)
	f.RegisterNewListener(l)
	f.RegisterNewListener(l)
	require.Len(t, f.ours.Stats().Consumers, 2)
	require.Equal(t, "*testutils.FakeConsumer", f.ours.Stats().Consumers[0].Name)
	require.Len(t, f.ours.Stats().Listeners, 1)
	require.Equal(t, "a listener", f.ours.Stats().Listeners[0].Name)
	send()

	ciliumagent.New(f.ours).RemoveConsumer(c)
	ciliumagent.New(f.ours).RemoveListener(l)
	<-l.closed
	send()
	require.Len(t, c.Notifications(), 1)
	require.Len(t, l.payloads, 1)
	require.Len(t, other.Notifications(), 2)
	f.RemoveConsumer(other)
	require.Empty(t, f.ours.Stats().Consumers)
	require.Empty(t, f.ours.Stats().Listeners)
}

// TestNil has subscribers and an agent that are not there.
func TestNil(t *testing.T) {
	f := unattached(t)
	f.RegisterNewConsumer(nil)
	f.RegisterNewListener(nil)
	f.RemoveConsumer(nil)
	f.RemoveListener(nil)
	require.Empty(t, f.ours.Stats().Consumers)
	require.Empty(t, f.ours.Stats().Listeners)
	require.Nil(t, f.State())

	none := ciliumagent.New(nil)
	none.RegisterNewConsumer(&testutils.FakeConsumer{})
	require.Nil(t, none.State())
	require.ErrorIs(t, none.SendEvent(ciliumapi.MessageTypeAgent, ciliumapi.AgentNotifyMessage{}), agent.ErrNoAgent)
}

// ciliumListener is a listener of Cilium's. The agent calls Enqueue of it one at a time.
type ciliumListener struct {
	payloads []*ciliumpayload.Payload
	seen     testutils.FakeListener // the same, to wait for
	version  ciliumlistener.Version
	closed   chan struct{}
}

func newListener(version ciliumlistener.Version) *ciliumListener {
	return &ciliumListener{version: version, closed: make(chan struct{})}
}

func (l *ciliumListener) Enqueue(pl *ciliumpayload.Payload) {
	l.payloads = append(l.payloads, pl)
	l.seen.Enqueue((*payload.Payload)(pl))
}

func (l *ciliumListener) Version() ciliumlistener.Version { return l.version }
func (l *ciliumListener) Close()                          { close(l.closed) }
func (l *ciliumListener) String() string                  { return "a listener" }

// TestListener has a listener of Cilium's decode what it gets with Cilium's packages.
func TestListener(t *testing.T) {
	f := attached(t, 64)
	l := newListener(ciliumlistener.Version1_2)
	f.RegisterNewListener(l)
	for _, r := range records() {
		require.NoError(t, f.ours.SendEvent(api.MessageTypeAccessLog, r))
	}
	require.NoError(t, f.gen.EmitTrace(1))
	require.NoError(t, l.seen.WaitFor(t.Context(), uint64(len(records())+1)))
	f.RemoveListener(l)
	<-l.closed
	last := l.payloads[len(l.payloads)-1]
	require.Equal(t, ciliumpayload.EventSample, last.Type)
	require.EqualValues(t, ciliumapi.MessageTypeTrace, last.Data[0])
	data, err := last.Encode()
	require.NoError(t, err)
	var back ciliumpayload.Payload
	require.NoError(t, back.ReadBinary(bytes.NewReader(data)))
	require.Equal(t, *last, back)

	wrong := newListener("1.0")
	f.RegisterNewListener(wrong)
	<-wrong.closed
}

// TestFromCilium sends what Cilium's code sends: subscribers of this project get its own types, and clients what they can
// decode.
func TestFromCilium(t *testing.T) {
	f := unattached(t)
	c, l := &testutils.FakeConsumer{}, &testutils.FakeListener{}
	f.ours.RegisterNewConsumer(c)
	f.ours.RegisterNewListener(l)
	for _, n := range notifications() {
		require.NoError(t, f.SendEvent(ciliumapi.MessageTypeAgent, n.cilium), n.name)
	}
	for _, r := range records() {
		record := asCilium(t, r)
		require.NoError(t, f.SendEvent(ciliumapi.MessageTypeAccessLog, record))
		require.NoError(t, f.SendEvent(ciliumapi.MessageTypeAccessLog, &record))
	}
	require.NoError(t, f.SendEvent(0, "of a program's own"))
	require.Error(t, f.SendEvent(ciliumapi.MessageTypeAccessLog, (*ciliumlog.LogRecord)(nil)))
	f.stop()

	got, payloads := c.Notifications(), l.Payloads()
	for _, n := range notifications() {
		require.Equal(t, n.ours, got[0].Message, n.name)
		var sent api.AgentNotify
		require.NoError(t, sent.Decode(payloads[0].Data))
		want, err := n.ours.ToJSON()
		require.NoError(t, err)
		require.Equal(t, want, sent)
		got, payloads = got[1:], payloads[1:]
	}
	for _, r := range records() {
		want := withoutKafka(r)
		for range 2 { // the value and the pointer
			require.Equal(t, want, got[0].Message)
			var sent accesslog.LogRecord
			require.NoError(t, sent.Decode(payloads[0].Data))
			require.Equal(t, *want, sent)
			got, payloads = got[1:], payloads[1:]
		}
	}
	require.Equal(t, "of a program's own", got[0].Message)
	require.Empty(t, payloads)
}

// choosy is a consumer that wants some events.
type choosy struct{ testutils.FakeConsumer }

func (*choosy) Interest() interest.Interest { return interest.Types(api.MessageTypeAccessLog) }

// TestInterest has a consumer say what it wants.
func TestInterest(t *testing.T) {
	f := unattached(t)
	c := &choosy{}
	f.RegisterNewConsumer(c)
	require.NoError(t, f.ours.SendEvent(api.MessageTypeAgent, api.GenericMessage("unwanted")))
	require.NoError(t, f.ours.SendEvent(api.MessageTypeAccessLog, accesslog.LogRecord{Info: "wanted"}))
	f.stop()
	require.Len(t, c.Notifications(), 1)
	require.Equal(t, ciliumlog.LogRecord{Info: "wanted"}, c.Notifications()[0].Message)
}

// TestState compares the status.
func TestState(t *testing.T) {
	f := attached(t, 8)
	require.Nil(t, f.State())
	f.RegisterNewConsumer(&testutils.FakeConsumer{})
	ours, cilium := f.ours.State(), f.State()
	require.EqualValues(t, 8, cilium.Npages)
	require.Equal(t, []int64{ours.Cpus, ours.Lost, ours.Npages, ours.Pagesize, ours.Unknown},
		[]int64{cilium.Cpus, cilium.Lost, cilium.Npages, cilium.Pagesize, cilium.Unknown})
}
