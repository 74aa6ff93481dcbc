// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestColor(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	defer terminal.Close()
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()

	on := func(text string, f *os.File) bool {
		var m colorMode
		if text != "" {
			require.NoError(t, m.Set(text))
		}
		return m.on(f)
	}
	require.True(t, on("", terminal))
	require.True(t, on("auto", terminal))
	require.False(t, on("auto", file))
	require.True(t, on("always", file))
	require.False(t, on("never", terminal))

	t.Setenv("NO_COLOR", "1")
	require.False(t, on("auto", terminal))
	require.True(t, on("always", terminal))
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	require.False(t, on("auto", terminal))
}
