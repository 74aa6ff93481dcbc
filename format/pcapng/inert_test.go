// SPDX-License-Identifier: Apache-2.0

package pcapng_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/format/pcapng"
)

// TestNamesAreInert writes an interface whose name a terminal would act on: the programs that read
// the file print it, and the comments.
func TestNamesAreInert(t *testing.T) {
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file)
	require.NoError(t, err)
	e := format.NewEvent(func(uint32) string { return "e\x1b[2J\u009b\u202e\xff" })
	e.Decode(&payload.Payload{Type: payload.EventSample, Data: trace(udp(t, 53, nil), 42)})
	require.NoError(t, w.Write(e, time.Unix(0, 0)))
	require.NoError(t, w.Flush())

	const name = `e\u001b[2J\u009b\u202e\xff`
	r, err := pcapgo.NewNgReader(bytes.NewReader(file.Bytes()), pcapgo.DefaultNgReaderOptions)
	require.NoError(t, err)
	_, _, options, err := r.ReadPacketDataWithOptions()
	require.NoError(t, err)
	require.Contains(t, options.Comments[0], ": "+name+", ")
	i, err := r.Interface(1)
	require.NoError(t, err)
	require.Equal(t, name, i.Name)
}
