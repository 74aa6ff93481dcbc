// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/session"
)

func TestSkipped(t *testing.T) {
	for _, events := range []uint64{0, 1, math.MaxUint64} {
		frame := session.AppendSkipped([]byte("before"), events)
		kind, body, err := session.NewReader(bytes.NewReader(frame[len("before"):])).Next()
		require.NoError(t, err)
		require.Equal(t, session.KindSkipped, kind)
		got, err := session.DecodeSkipped(body)
		require.NoError(t, err)
		require.Equal(t, events, got)
		got, err = session.DecodeSkipped(append(body, 9))
		require.NoError(t, err, "of a newer version")
		require.Equal(t, events, got)
		for n := range body {
			_, err := session.DecodeSkipped(body[:n])
			require.ErrorIs(t, err, session.ErrCorrupt)
		}
	}
}
