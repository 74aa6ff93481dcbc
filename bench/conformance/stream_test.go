// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"context"
	"encoding/gob"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	ciliumconsumer "github.com/cilium/cilium/pkg/monitor/agent/consumer"
	ciliumlistener "github.com/cilium/cilium/pkg/monitor/agent/listener"
	ciliumpayload "github.com/cilium/cilium/pkg/monitor/payload"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/listener"
)

// Consumers of each side plug into the other.
var (
	_ consumer.MonitorConsumer       = ciliumconsumer.MonitorConsumer(nil)
	_ ciliumconsumer.MonitorConsumer = consumer.MonitorConsumer(nil)
)

func TestVersions(t *testing.T) {
	require.EqualValues(t, ciliumlistener.Version1_2, listener.Version1_2)
	require.EqualValues(t, ciliumlistener.VersionUnsupported, listener.VersionUnsupported)
}

// payloads returns those of all events, and some of lost ones.
func payloads(t testing.TB) (all []*payload.Payload) {
	for _, e := range events(t) {
		all = append(all, e.payload)
	}
	return append(all,
		&payload.Payload{Type: payload.RecordLost, CPU: 3, Lost: 1 << 40},
		&payload.Payload{Type: payload.RecordLost, CPU: payload.CPULostByReader, Lost: 1},
		&payload.Payload{Type: payload.EventSample, CPU: 300, Data: make([]byte, 64<<10)},
		&payload.Payload{})
}

// TestOurStream reads a stream of our encoder with Cilium's package.
func TestOurStream(t *testing.T) {
	all := payloads(t)
	stream := payload.AppendTypeInfo(nil)
	for _, pl := range all {
		stream = payload.AppendValue(stream, pl)
	}
	dec := gob.NewDecoder(bytes.NewReader(stream))
	for i, pl := range all {
		var got ciliumpayload.Payload
		require.NoError(t, got.DecodeBinary(dec))
		require.Equal(t, ciliumpayload.Payload(*pl), got, i)
	}
	require.ErrorIs(t, new(ciliumpayload.Payload).DecodeBinary(dec), io.EOF)
}

// TestCiliumsStream reads a stream of Cilium's package with our decoder.
func TestCiliumsStream(t *testing.T) {
	all := payloads(t)
	var stream bytes.Buffer
	enc := gob.NewEncoder(&stream)
	for _, pl := range all {
		require.NoError(t, (*ciliumpayload.Payload)(pl).EncodeBinary(enc))
	}
	dec := payload.NewDecoder(&stream)
	for i, pl := range all {
		var got payload.Payload
		require.NoError(t, dec.Decode(&got))
		require.Equal(t, *pl, got, i)
	}
	require.ErrorIs(t, dec.Decode(new(payload.Payload)), io.EOF)
}

// TestAgent reads the socket of a running agent with Cilium's packages, and hands the
// same events to a consumer of Cilium's.
func TestAgent(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	socket := filepath.Join(t.TempDir(), "monitor.sock")
	a := agent.NewAgent(ctx)
	defer func() {
		cancel()
		<-a.Done()
	}()
	require.NoError(t, agent.ServeMonitorAPI(a, agent.WithSocketPath(socket)))
	var consumed recordingConsumer
	a.RegisterNewConsumer(ciliumconsumer.MonitorConsumer(&consumed))

	conn, err := net.Dial("unix", socket)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	// Once the first byte is there, that of the type information, the client is
	// subscribed.
	var first [1]byte
	_, err = io.ReadFull(conn, first[:])
	require.NoError(t, err)

	var samples [][]byte
	var sent []any
	for _, n := range notifications() {
		require.NoError(t, a.SendEvent(api.MessageTypeAgent, n.ours))
		samples, sent = append(samples, n.sample(t)), append(sent, n.ours)
	}
	for _, r := range records() {
		require.NoError(t, a.SendEvent(api.MessageTypeAccessLog, r.record))
		data, err := r.record.Append(nil)
		require.NoError(t, err)
		samples, sent = append(samples, data), append(sent, r.record)
	}

	dec := gob.NewDecoder(io.MultiReader(bytes.NewReader(first[:]), conn))
	for _, sample := range samples {
		var pl ciliumpayload.Payload
		require.NoError(t, pl.DecodeBinary(dec))
		require.Equal(t, ciliumpayload.EventSample, pl.Type)
		require.Zero(t, pl.CPU)
		_, want := decoders(t, int(sample[0]))
		_, got := decoders(t, int(sample[0]))
		require.NoError(t, want.Decode(sample))
		require.NoError(t, got.Decode(pl.Data))
		require.Equal(t, want, got)
	}
	require.Equal(t, sent, consumed.events)
}

// recordingConsumer keeps what it is told. SendEvent calls it before it returns.
type recordingConsumer struct{ events []any }

func (c *recordingConsumer) NotifyAgentEvent(_ int, message any) {
	c.events = append(c.events, message)
}

func (c *recordingConsumer) NotifyPerfEvent([]byte, int) {}

func (c *recordingConsumer) NotifyPerfEventLost(uint64, int) {}
