// SPDX-License-Identifier: Apache-2.0

package payload_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
)

// messageOf returns a session of one message of that size, without its length, and the payload in it.
func messageOf(size int) ([]byte, payload.Payload) {
	for n := size; ; n-- {
		pl := payload.Payload{Data: make([]byte, n), CPU: 1, Type: payload.EventSample}
		value := payload.AppendValue(nil, &pl)
		if len(value)-1-int(-int8(value[0])) == size { // gob's length is a negated number of bytes, and they
			return payload.AppendValue(payload.AppendTypeInfo(nil), &pl), pl
		}
	}
}

// TestLargeMessages cuts messages that do not fit in a decoder's buffer, and reads several into the
// same memory.
func TestLargeMessages(t *testing.T) {
	stream, want := messageOf(100_000)
	for _, n := range []int{50, 70_000, len(stream) - 1} {
		err := payload.NewDecoder(bytes.NewReader(stream[:n])).Decode(&payload.Payload{})
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	for range 10 {
		stream = payload.AppendValue(stream, &want)
	}
	dec := payload.NewDecoder(bytes.NewReader(stream))
	var pl payload.Payload
	require.NoError(t, dec.Decode(&pl))
	require.Zero(t, testing.AllocsPerRun(5, func() { _ = dec.Decode(&pl) }))
	require.Equal(t, want, pl)
}

// TestReaderFails has the reader fail at each byte of a session.
func TestReaderFails(t *testing.T) {
	stream, _ := session(3)
	broken := errors.New("broken pipe")
	for n := range stream {
		dec := payload.NewDecoder(io.MultiReader(bytes.NewReader(stream[:n]), iotest.ErrReader(broken)))
		var err error
		for err == nil {
			err = dec.Decode(&payload.Payload{})
		}
		require.ErrorIs(t, err, broken, "after %d bytes", n)
	}
}

// TestOneStruct decodes all into one struct, as a client does that lets the decoder reuse its memory:
// what encoding/gob leaves out since it is zero is zero.
func TestOneStruct(t *testing.T) {
	var stream bytes.Buffer
	enc := gob.NewEncoder(&stream)
	all := []Payload{{Data: []byte{1}, CPU: 3, Type: 9}, {Lost: 5, Type: 2}, {CPU: -1}, {}}
	for _, pl := range all {
		require.NoError(t, enc.Encode(pl))
	}
	dec := payload.NewDecoder(&stream)
	var pl payload.Payload
	for _, want := range all {
		require.NoError(t, dec.Decode(&pl))
		require.Equal(t, want, Payload(pl))
	}
}

// TestErrorTexts checks that errors say what is wrong.
func TestErrorTexts(t *testing.T) {
	info := string(payload.AppendTypeInfo(nil))
	for _, c := range []struct {
		stream string
		is     error
		says   string
	}{
		{"\x00", payload.ErrNotASession, "a message of 0 bytes"},
		{"\x80", payload.ErrNotASession, "a length of more than 8 bytes"},
		{"\x01\xff", payload.ErrNotASession, "a message without a type id"},
		{info + "\x00", payload.ErrCorrupt, "a message of 0 bytes"},
		{info + "\xfc\xff\x00\x00\x00", payload.ErrCorrupt, "a message of 4278190080 bytes"},
		{info + "\xf7", payload.ErrCorrupt, "a length of more than 8 bytes"},
		{info + "\x01\xff", payload.ErrCorrupt, "a message without a type id"},
		{info + "\x01\x00", payload.ErrCorrupt, "a value of type id 0 in a session of id 64"},
		{info + "\x05\xff\x80\x05\x01\x00", payload.ErrCorrupt, "Payload has no field 4"},
		{info + "\x06\xff\x80\x02\x02\x03\x00", payload.ErrCorrupt, "Payload has no field 4"},
	} {
		err := payload.NewDecoder(strings.NewReader(c.stream)).Decode(&payload.Payload{})
		require.ErrorIs(t, err, c.is, "%q", c.stream)
		require.ErrorContains(t, err, c.says, "%q", c.stream)
	}
	_, err := payload.DecodeValue([]byte("\x01\xff"), &payload.Payload{})
	require.ErrorContains(t, err, "no whole message in 2 bytes")
}

// TestMessageSizes decodes messages of the sizes at which a decoder does something else.
func TestMessageSizes(t *testing.T) {
	const buffer = 64 << 10
	for _, size := range []int{buffer - 1, buffer, buffer + 1, buffer + 2, payload.MaxMessageSize - 1, payload.MaxMessageSize} {
		stream, want := messageOf(size)
		requireDecodes(t, bytes.NewReader(stream), []payload.Payload{want})
	}
	stream, _ := messageOf(payload.MaxMessageSize + 1)
	require.ErrorIs(t, payload.NewDecoder(bytes.NewReader(stream)).Decode(&payload.Payload{}), payload.ErrCorrupt)
}
