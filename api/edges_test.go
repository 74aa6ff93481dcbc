// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// TestAgentNotifyAsGob decodes streams that differ from a valid one in a byte or two, of which hardly one
// is valid: what comes out is what encoding/gob makes of it.
func TestAgentNotifyAsGob(t *testing.T) {
	for _, n := range []api.AgentNotify{{Type: 7, Text: "text"}, {Text: "text"}, {Type: 300}, {}, {Type: math.MaxUint32, Text: "x"}} {
		stream := n.AppendGob(nil)
		requireAsGob(t, stream)
		for i, b := range stream {
			requireAsGob(t, stream[:i])
			for _, other := range []byte{0, 1, 2, 3, 0x7f, 0x80, 0xf7, 0xf8, 0xfc, 0xff, b - 1, b + 1, b ^ 2} {
				changed := slices.Clone(stream)
				changed[i] = other
				requireAsGob(t, changed)
			}
		}
		// The two messages, each after its length, with another byte or one less.
		def := stream[1 : 1+stream[0]]
		value := stream[2+len(def):]
		for i := range len(def) + 1 {
			for _, b := range []byte{0, 1, 2} {
				requireAsGob(t, messages(slices.Insert(slices.Clone(def), i, b), value))
			}
		}
		for i := range len(value) + 1 {
			for _, b := range []byte{0, 1, 2} {
				requireAsGob(t, messages(def, slices.Insert(slices.Clone(value), i, b)))
			}
			if i < len(value) {
				requireAsGob(t, messages(def, slices.Delete(slices.Clone(value), i, i+1)))
			}
		}
	}
}

// messages returns messages with their lengths.
func messages(all ...[]byte) (stream []byte) {
	for _, m := range all {
		stream = append(append(stream, byte(len(m))), m...)
	}
	return stream
}

// requireAsGob decodes a stream as package api and as encoding/gob do.
func requireAsGob(t *testing.T, stream []byte) {
	t.Helper()
	var want, got api.AgentNotify
	wantErr := gob.NewDecoder(bytes.NewReader(stream)).Decode(&want)
	err := got.Decode(append([]byte{api.MessageTypeAgent}, stream...))
	if wantErr != nil {
		require.ErrorIs(t, err, api.ErrMalformed, "%x", stream)
		return
	}
	require.NoError(t, err, "%x", stream)
	require.Equal(t, want, got, "%x", stream)
}

// TestAgentNotifyTypeIDs decodes streams of processes that had other types before.
func TestAgentNotifyTypeIDs(t *testing.T) {
	n := api.AgentNotify{Type: 7, Text: "text"}
	// An integer is written in 3 bytes, which is enough for all of these.
	integer := func(i int) string { return string([]byte{0xfe, byte(i >> 8), byte(i)}) }
	stream := string(n.AppendGob(nil))
	for _, id := range []int{0, 1, 5, 16, 17, 23, 31, 32, 33, 63, 64, 65, 66, 1000, math.MaxInt16/2 - 1, math.MaxInt16 / 2, math.MaxInt16 - 1, math.MaxInt16} {
		for _, other := range []int{id, id + 1} {
			def := strings.NewReplacer("\xff\x81", integer(2*id-1), "\xff\x82", integer(2*other)).Replace(stream[1:44])
			value := strings.Replace(stream[45:], "\xff\x82", integer(2*other), 1)
			requireAsGob(t, messages([]byte(def), []byte(value)))
		}
	}
}

// TestAgentNotifyLargest decodes a notification of the largest size that there may be.
func TestAgentNotifyLargest(t *testing.T) {
	empty := api.AgentNotify{Type: 1, Text: strings.Repeat("x", 1<<19)}
	want := api.AgentNotify{Type: 1, Text: strings.Repeat("x", 1<<19+api.MaxUserEventSize-len(empty.Append(nil)))}
	sample := want.Append(nil)
	require.Len(t, sample, api.MaxUserEventSize)
	var got api.AgentNotify
	require.NoError(t, got.Decode(sample))
	require.Equal(t, want, got)
}

func TestMonitorNotice(t *testing.T) {
	notify := func(m api.AgentNotifyMessage) api.AgentNotify {
		n, err := m.ToJSON()
		require.NoError(t, err)
		return n
	}
	notice := notify(api.MonitorNotice("events may be missing"))
	text, ok := notice.MonitorNotice()
	require.True(t, ok)
	require.Equal(t, "events may be missing", text)
	for name, n := range map[string]api.AgentNotify{
		"another text": notify(api.GenericMessage("events may be missing")),
		"another type": {Type: api.AgentNotifyStart, Text: notice.Text},
		"no JSON":      {Type: notice.Type, Text: notice.Text[:len(notice.Text)-1]},
	} {
		text, ok := n.MonitorNotice()
		require.False(t, ok, name)
		require.Empty(t, text, name)
	}
}

// TestEventDecodeNothing decodes nothing after something.
func TestEventDecodeNothing(t *testing.T) {
	var e api.Event
	require.NoError(t, e.Decode((&api.DebugMsg{Type: api.MessageTypeDebug}).Append(nil)))
	require.ErrorIs(t, e.Decode(nil), api.ErrTruncated)
	require.Equal(t, api.MessageTypeUnspec, e.Type)
	typ, err := api.MessageType(nil)
	require.ErrorIs(t, err, api.ErrTruncated)
	require.Equal(t, api.MessageTypeUnspec, typ)
}

// TestCaptureHeaderAlone decodes a sample that ends with its header.
func TestCaptureHeaderAlone(t *testing.T) {
	want := api.CaptureHeader{Type: 1, SubType: 2, Source: 3, Hash: 4, OrigLen: 5, CapLen: 6, Version: 7, ExtVersion: 8}
	sample := want.Append(nil)
	var got api.CaptureHeader
	require.NoError(t, got.Decode(sample))
	require.Equal(t, want, got)
	require.ErrorIs(t, got.Decode(sample[:15]), api.ErrTruncated)
}

// TestOversizedTexts checks that errors tell of padding only where there is some.
func TestOversizedTexts(t *testing.T) {
	for typ, want := range map[int]string{
		api.MessageTypeDebug:     "expected 13 bytes and up to 7 of padding, got 30 bytes",
		api.MessageTypeAccessLog: "expected 20 bytes, got 30 bytes",
		api.MessageTypeAgent:     "expected 20 bytes, got 30 bytes",
	} {
		require.ErrorContains(t, &api.DecodeError{Type: typ, Want: 20, Got: 30, Err: api.ErrOversized}, want)
	}
}

// TestLargestExtension registers the highest extension with the greatest length.
func TestLargestExtension(t *testing.T) {
	require.NoError(t, api.RegisterExtension(api.MessageTypePolicyVerdict, math.MaxUint8, math.MaxUint16))
	n := api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, ExtVersion: math.MaxUint8}
	require.Equal(t, 40+math.MaxUint16, n.DataOffset())
}

// TestTypeNumbers checks which numbers a message type of one's own may have.
func TestTypeNumbers(t *testing.T) {
	for _, typ := range []int{-1, 0, 256} {
		_, err := api.RegisterMessageType(typ, "mine")
		require.ErrorContains(t, err, "it is not in 8-255")
	}
	for _, typ := range []int{8, 128, 131, 255} {
		unregister, err := api.RegisterMessageType(typ, "mine")
		require.NoError(t, err)
		require.Equal(t, "mine", api.MessageTypeName(typ))
		unregister()
	}
	_, err := api.ParseMessageType("")
	require.True(t, errors.Is(err, api.ErrUnknownType))
}
