// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestPacketCases checks what testdata/packets.tsv says: packets that were printed wrong or
// not found, with what the line has to contain and the filters that have to match.
func TestPacketCases(t *testing.T) {
	data, err := os.ReadFile("testdata/packets.tsv")
	require.NoError(t, err)
	rows := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")[1:]
	require.NotEmpty(t, rows)
	for _, row := range rows {
		fields := strings.Split(row, "\t")
		require.Len(t, fields, 5, "%s", row)
		flags, err := strconv.ParseUint(fields[1], 0, 8)
		require.NoError(t, err)
		packet, err := hex.DecodeString(fields[4])
		require.NoError(t, err)
		t.Run(fields[0], func(t *testing.T) {
			for name, pl := range map[string]*payload.Payload{
				"drop":  drop(packet, func(n *api.DropNotify) { n.Flags = uint8(flags) }),
				"trace": trace(packet, func(n *api.TraceNotify) { n.Flags = uint8(flags) }),
			} {
				require.Contains(t, print(format.Options{}, pl), fields[2])
				for filter := range strings.SplitSeq(fields[3], ";") {
					require.Equal(t, name, matching(t, filter, []named{{name, pl}}), filter)
				}
			}
		})
	}
}
