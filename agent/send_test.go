// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestLargeEvent checks that an event which clients could not decode is refused, and that
// the others get through.
func TestLargeEvent(t *testing.T) {
	f := start(t)
	c := f.connect(t)
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage(strings.Repeat("x", 1<<20-1000))))
	require.ErrorContains(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage(strings.Repeat("x", 1<<20))), "1048576")
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("small")))
	eventually(t, func() bool { return c.delivered() == 2 }, "two events are delivered")
}

// TestDatapathTypesStayInside sends events under the message types of the datapath: consumers of
// the process get them, clients, listeners and streams do not, to whom they would be samples
// that can't be decoded.
func TestDatapathTypesStayInside(t *testing.T) {
	f := start(t)
	c, l := f.connect(t), &testutils.FakeListener{}
	f.RegisterNewListener(l)
	stream := read(f.Subscribe(t.Context(), "stream"))
	for _, typ := range []int{0, api.MessageTypeDrop, 8, 128} {
		require.NoError(t, f.SendEvent(typ, "nobody is there"))
	}
	consumer := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(consumer)
	for typ := range api.MessageTypeAccessLog {
		require.NoError(t, f.SendEvent(typ, make(chan int)), "it need not be encoded")
	}
	require.NoError(t, f.SendEvent(api.MessageTypeAccessLog, "to all"))
	eventually(t, func() bool { return c.total() == 1 }, "the client has the last one")
	eventually(t, func() bool { return stream.events.Load() == 1 }, "the stream has the last one")
	require.Len(t, l.Payloads(), 1)
	events, _ := consumer.Counts()
	require.EqualValues(t, api.MessageTypeAccessLog+1, events)
	require.ErrorContains(t, f.SendEvent(-1, nil), "-1")
	require.ErrorContains(t, f.SendEvent(256, nil), "256")
}
