// SPDX-License-Identifier: Apache-2.0

package pcapng_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestLongestComment writes comments of as many bytes as an option can have and of more: these end
// with the last character that fits whole.
func TestLongestComment(t *testing.T) {
	const most = math.MaxUint16
	var text string
	unregister, err := format.RegisterType(&format.Type{
		Number: 101, Name: "own", Level: format.LevelDebug,
		Decode: func(s *format.Sample) error { return s.SetPacket(1, len(s.Data)-1, 0) },
		Line:   func(l *format.Line, _ *format.Sample) { l.Text(text) },
		JSON:   func(*format.Object, *format.Sample) {},
	})
	require.NoError(t, err)
	defer unregister()
	sample := append([]byte{101}, udp(t, 53, nil)...)
	const behind = ": 10.0.0.1:40000 -> 10.0.0.2:53 udp" // the text, of each comment

	for _, c := range []struct {
		text string
		want int // bytes of the comment
	}{
		{strings.Repeat("x", most-len(behind)-1), most - 1},
		{strings.Repeat("x", most-len(behind)), most},
		{strings.Repeat("x", most-len(behind)+1), most},
		{strings.Repeat("\u00e9", most), most - 1},
		{"x" + strings.Repeat("\u00e9", most), most},
		{strings.Repeat("\u20ac", most), most},
		{"x" + strings.Repeat("\u20ac", most), most - 2},
	} {
		text = c.text
		packets, interfaces := readStrictly(t, write(t, sample, sample))
		require.Len(t, packets, 2)
		require.Len(t, interfaces, 1)
		require.Equal(t, (c.text + behind)[:c.want], packets[1].comments[0])
	}
}
