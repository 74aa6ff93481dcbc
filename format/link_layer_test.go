// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLinkLayer has what follows the addresses of a frame: an EtherType, from 0x600 on, or a length and LLC, also behind
// a VLAN tag.
func TestLinkLayer(t *testing.T) {
	stp := []byte{0x42, 0x42, 3, 0, 0, 0, 0}
	snap := append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, query4...)
	for _, c := range []struct {
		name   string
		packet []byte
		want   string // behind the addresses of the frame
	}{
		{"the first EtherType", ethernet(0x0600, make([]byte, 3)), "0x600"},
		{"the largest length", ethernet(0x05ff, make([]byte, 3)), "LLC"},
		{"LLC", ethernet(3, []byte{0xf0, 0xf0, 3}), "LLC"},
		{"STP", ethernet(7, stp), "STP"},
		{"STP behind a tag", ethernet(0x8100, vlan(5, 7, stp)), "STP"},
		{"LLC behind a tag", ethernet(0x8100, vlan(5, 3, []byte{0xf0, 0xf0, 3})), "LLC"},
		{"STP with a number", ethernet(4, []byte{0x42, 0x42, 0, 0}), "STP"},
		{"SNAP behind a tag", ethernet(0x8100, vlan(5, uint16(len(snap)), snap)), "10.0.0.1:34567 -> 10.0.0.2:53 udp"},
		{"SNAP of another organisation", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 0, 1, 8, 0}), "LLC"},
		{"SNAP of another organisation", ethernet(8, []byte{0xaa, 0xaa, 3, 1, 0, 0, 8, 0}), "LLC"},
		{"SNAP of another organisation", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 1, 0, 8, 0}), "LLC"},
		{"CDP", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0}), "CDP"},
		{"DTP", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 4}), "DTP"},
		{"PVST", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 0, 0x0c, 1, 0x0b}), "PVST"},
		{"something else of Cisco's", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 0, 0x0c, 1, 0x0c}), "LLC"},
		{"CDP of another organisation", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 0, 0x0d, 0x20, 0}), "LLC"},
		{"IS-IS", ethernet(3, []byte{0xfe, 0xfe, 3}), "IS-IS"},
		{"SNAP to something else", ethernet(8, []byte{0xaa, 0xab, 3, 0, 0, 0, 8, 0}), "LLC"},
		{"SNAP from something else", ethernet(8, []byte{0xab, 0xaa, 3, 0, 0, 0, 8, 0}), "LLC"},
		{"SNAP with another control field", ethernet(8, []byte{0xaa, 0xaa, 7, 0, 0, 0, 8, 0}), "LLC"},
	} {
		got := connectionOf(kind{c.name, c.packet, 0})
		require.Equal(t, c.want, strings.TrimPrefix(got, "02:00:00:00:00:01 -> 02:00:00:00:00:02 "), c.name)
	}
}
