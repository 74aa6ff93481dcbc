// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// seed adds samples of the layouts of a message type, whole, cut and with padding.
func seed(f *testing.F, typ int) {
	rnd := rand.New(rand.NewPCG(15, uint64(typ)))
	for _, l := range layouts {
		if l.typ != typ {
			continue
		}
		msg, packet := random(f, l, rnd)
		sample := append(msg.Append(nil), packet...)
		f.Add(sample)
		f.Add(sample[:l.length-1])
		f.Add(append(sample, 1, 2, 3, 4, 5, 6, 7))
	}
}

// requireError checks that err is one that the package documents.
func requireError(t *testing.T, err error) {
	var e *api.DecodeError
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Error())
	for _, sentinel := range []error{
		api.ErrTruncated, api.ErrOversized, api.ErrUnknownType, api.ErrWrongType, api.ErrUnsupportedVersion,
		api.ErrUnknownExtension, api.ErrMalformed,
	} {
		if errors.Is(err, sentinel) {
			return
		}
	}
	t.Fatalf("no documented error: %v", err)
}

// checkMessage decodes a sample and checks what holds for any.
func checkMessage(t *testing.T, msg, again message, sample []byte) {
	if err := msg.Decode(sample); err != nil {
		requireError(t, err)
		return
	}
	encoded := msg.Append(nil)
	require.NoError(t, again.Decode(encoded))
	require.Equal(t, msg, again)
	require.Equal(t, encoded, again.Append(nil))

	p, ok := msg.(packetMessage)
	if !ok {
		return
	}
	require.Len(t, encoded, p.DataOffset())
	packet, err := p.PacketData(sample)
	if err != nil {
		requireError(t, err)
		return
	}
	require.True(t, bytes.HasPrefix(sample[p.DataOffset():], packet))
	require.Less(t, len(sample)-p.DataOffset()-len(packet), 8)
	data, err := p.PacketData(append(encoded, packet...))
	require.NoError(t, err)
	require.Equal(t, string(packet), string(data))
}

func FuzzDropNotify(f *testing.F) {
	seed(f, api.MessageTypeDrop)
	f.Fuzz(func(t *testing.T, sample []byte) { checkMessage(t, newDrop(), newDrop(), sample) })
}

func FuzzTraceNotify(f *testing.F) {
	seed(f, api.MessageTypeTrace)
	for _, flags := range []uint8{0, api.FlagIPv6} {
		f.Add((&api.TraceNotify{Type: api.MessageTypeTrace, Version: 2, Flags: flags, Mark: 1}).Append(nil))
	}
	f.Fuzz(func(t *testing.T, sample []byte) { checkMessage(t, newTrace(), newTrace(), sample) })
}

func FuzzPolicyVerdictNotify(f *testing.F) {
	seed(f, api.MessageTypePolicyVerdict)
	f.Add((&api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, Ifindex: 1}).Append(nil))
	f.Fuzz(func(t *testing.T, sample []byte) { checkMessage(t, newPolicyVerdict(), newPolicyVerdict(), sample) })
}

func FuzzDebugCapture(f *testing.F) {
	seed(f, api.MessageTypeCapture)
	f.Fuzz(func(t *testing.T, sample []byte) { checkMessage(t, newCapture(), newCapture(), sample) })
}

func FuzzDebugMsg(f *testing.F) {
	seed(f, api.MessageTypeDebug)
	f.Fuzz(func(t *testing.T, sample []byte) { checkMessage(t, newDebug(), newDebug(), sample) })
}

func FuzzTraceSockNotify(f *testing.F) {
	seed(f, api.MessageTypeTraceSock)
	f.Fuzz(func(t *testing.T, sample []byte) { checkMessage(t, newTraceSock(), newTraceSock(), sample) })
}

func FuzzKernelDropNotify(f *testing.F) {
	seed(f, api.MessageTypeKernelDrop)
	f.Fuzz(func(t *testing.T, sample []byte) { checkMessage(t, newKernelDrop(), newKernelDrop(), sample) })
}

func FuzzAgentNotify(f *testing.F) {
	for _, n := range []api.AgentNotify{{}, {Type: 7, Text: "{}"}, {Type: 1 << 31}, {Text: "x"}} {
		f.Add(n.Append(nil))
		buf := bytes.NewBuffer([]byte{api.MessageTypeAgent})
		if err := gob.NewEncoder(buf).Encode(n); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Fuzz(func(t *testing.T, sample []byte) {
		var n, again, want api.AgentNotify
		if err := n.Decode(sample); err != nil {
			requireError(t, err)
			return
		}
		require.NoError(t, again.Decode(n.Append(nil)))
		require.Equal(t, n, again)
		require.NoError(t, gob.NewDecoder(bytes.NewReader(sample[1:])).Decode(&want), "encoding/gob accepts it, too")
		require.Equal(t, want, n)
	})
}

// FuzzEvent also fuzzes what type a sample is of.
func FuzzEvent(f *testing.F) {
	for _, l := range layouts {
		f.Add(zero(f, l).Append(nil))
	}
	f.Add((&api.AgentNotify{Type: 2, Text: "{}"}).Append(nil))
	f.Add([]byte{api.MessageTypeAccessLog})
	f.Add([]byte{6})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sample []byte) {
		before := bytes.Clone(sample)
		var e api.Event
		err := e.Decode(sample)
		require.Equal(t, before, sample, "a decoder does not write to its sample")
		if err != nil {
			requireError(t, err)
			require.Nil(t, e.Packet)
			return
		}
		require.EqualValues(t, sample[0], e.Type)
		if e.Type == api.MessageTypeAccessLog {
			return
		}
		var again api.Event
		require.NoError(t, again.Decode(append(structOf(&e).Append(nil), e.Packet...)))
		require.Equal(t, e.Type, again.Type)
		require.Equal(t, string(e.Packet), string(again.Packet))
		require.Equal(t, structOf(&e), structOf(&again))
	})
}
