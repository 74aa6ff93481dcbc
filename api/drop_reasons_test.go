// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// dropReasonsCSV returns the texts of testdata/drop-reasons.csv by code.
func dropReasonsCSV(t *testing.T) map[uint8]string {
	file, err := os.Open("testdata/drop-reasons.csv")
	require.NoError(t, err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"code", "text", "still_emitted"}, rows[0])
	texts := map[uint8]string{}
	for _, row := range rows[1:] {
		code, err := strconv.ParseUint(row[0], 10, 8)
		require.NoError(t, err)
		texts[uint8(code)] = row[1]
	}
	return texts
}

func TestDropReasons(t *testing.T) {
	texts := dropReasonsCSV(t)
	require.NotEmpty(t, texts)
	for i := range 256 {
		code, s := uint8(i), strconv.Itoa(i)
		text, known := texts[code]
		if known {
			require.Equal(t, text, api.DropReason(code))
			require.Equal(t, text, api.DropReasonExt(code, 0))
			require.Equal(t, text+", -2", api.DropReasonExt(code, -2))
			require.Equal(t, text+", 127", api.DropReasonExt(code, 127))
		} else {
			require.Equal(t, s+", 0", api.DropReason(code))
			require.Equal(t, s+", 0", api.DropReasonExt(code, 0))
			require.Equal(t, s+", -128", api.DropReasonExt(code, -128))
		}
	}
	seen := map[uint8]string{}
	last := -1
	for code, text := range api.DropReasons() {
		require.Greater(t, int(code), last)
		last = int(code)
		seen[code] = text
	}
	require.Equal(t, texts, seen)
	for range api.DropReasons() {
		break
	}
}

func TestParseDropReason(t *testing.T) {
	for code, text := range dropReasonsCSV(t) {
		for _, s := range []string{text, strings.ToUpper(text), " " + strings.ToLower(text)} {
			codes, err := api.ParseDropReason(s)
			require.NoError(t, err)
			require.Contains(t, codes, code)
		}
	}
	for s, want := range map[string][]uint8{
		"invalid packet": {2, 134}, "Policy denied": {133}, "133": {133}, "0": {0}, "255": {255},
	} {
		codes, err := api.ParseDropReason(s)
		require.NoError(t, err)
		require.Equal(t, want, codes)
	}
	for s, want := range map[string]string{
		"":           `no drop reason has the text ""`,
		"policy den": `no drop reason has the text "policy den"`,
		"256":        "drop reason 256 is not in 0-255",
		"-1":         "drop reason -1 is not in 0-255",
	} {
		_, err := api.ParseDropReason(s)
		require.EqualError(t, err, want)
	}
}
