// SPDX-License-Identifier: Apache-2.0

package payload_test

import (
	"bytes"
	"encoding/gob"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
)

// TestRateLimited has any gob decoder read the loss as any other, and tells it from others.
func TestRateLimited(t *testing.T) {
	want := payload.NewRateLimited(7, 4)
	stream := payload.AppendValue(payload.AppendTypeInfo(nil), &want)
	var got payload.Payload
	require.NoError(t, gob.NewDecoder(bytes.NewReader(stream)).Decode(&got))
	require.Equal(t, want, got)
	require.EqualValues(t, payload.RecordLost, got.Type)
	require.EqualValues(t, 7, got.Lost)
	require.Zero(t, got.CPU)
	typ, ok := got.RateLimited()
	require.True(t, ok)
	require.EqualValues(t, 4, typ)

	for _, pl := range []payload.Payload{
		{Type: payload.RecordLost, Lost: 7},
		{Type: payload.RecordLost, Lost: 7, Data: []byte{3}},
		{Type: payload.RecordLost, Lost: 7, Data: []byte{1, 4}},
		{Type: payload.EventSample, Data: []byte{3, 4}},
	} {
		_, ok := pl.RateLimited()
		require.False(t, ok, pl)
	}
}
