// SPDX-License-Identifier: Apache-2.0

package recording_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
)

// FuzzReader reads anything. What it takes for events is what it reads again from a recording of them.
func FuzzReader(f *testing.F) {
	host, other := headers()
	event := block('E', "12345678"+string(payload.AppendValue(nil, sample("one"))))
	names := block('N', `{"node":"n","interfaces":{"2":"eth1"},"dropReasons":{"1":"x"}}`)
	for _, seed := range []string{
		"", host, other, host + event + names + event, host + event + host, host + block('?', "") + event[:9],
		string(payload.AppendValue(payload.AppendTypeInfo(nil), sample("one"))),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := recording.NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		events, err := read(r)
		require.Error(t, err)
		var again bytes.Buffer
		w, err := recording.NewWriter(&again, r.Header().Names)
		require.NoError(t, err)
		for _, e := range events {
			pl := sample(e.data)
			pl.CPU = e.cpu
			if e.at.IsZero() {
				e.at = time.Unix(0, 0)
			}
			require.NoError(t, w.Write(e.at, pl))
		}
		require.NoError(t, w.Flush())
		reread := readAll(t, again.Bytes())
		require.Len(t, reread, len(events))
		for i, e := range reread {
			require.Equal(t, events[i].data, e.data)
			require.Equal(t, events[i].cpu, e.cpu)
			require.True(t, events[i].at.IsZero() || events[i].at.Equal(e.at))
		}
	})
}
