// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestTerminalWidth shows that lines fit into the rows of a terminal, that this is told, once, and that nothing is left
// out elsewhere.
func TestTerminalWidth(t *testing.T) {
	const (
		stream = "../../bench/internal/recorded/node.stream"
		whole  = "DROP 10.9.0.1:54317 -> 10.9.0.2:9998 udp: Policy denied, ifindex 5, egress, match L4-Only"
		brief  = "DROP 10.9.0.1:54317 -> 10.9.0.2:9998 udp: Policy denied, ifindex 5"
		told   = "Details that do not fit into a row are left out: -v or a wider terminal has them\n"
	)
	for _, test := range []struct {
		columns uint16
		line    string
	}{{80, brief}, {200, whole}, {0, whole}} {
		r, w := terminal(t)
		require.NoError(t, unix.IoctlSetWinsize(int(w.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: test.columns}))
		cmd := program("watch", "--read", stream, "-t", "drop,policy-verdict", "--count", "3", "--color", "never")
		cmd.Stdout = w
		p := start(t, cmd)
		shown := bufio.NewScanner(r)
		for range 3 {
			require.True(t, shown.Scan())
			require.Equal(t, test.line, strings.TrimSuffix(shown.Text(), "\r"))
		}
		p.waitExit(0)
		require.Equal(t, test.line == brief, strings.Contains(p.stderr.String(), told), "%s", &p.stderr)
		require.LessOrEqual(t, strings.Count(p.stderr.String(), told), 1)
	}
	p := run(t, "watch", "--read", stream, "-t", "drop,policy-verdict", "--count", "3")
	p.waitExit(0)
	require.Equal(t, strings.Repeat(whole+"\n", 3), p.stdout.String())
}

// TestHelpFits shows that the sentences of the help have the width of the terminal.
func TestHelpFits(t *testing.T) {
	for _, columns := range []uint16{76, 80} {
		r, w := terminal(t)
		require.NoError(t, unix.IoctlSetWinsize(int(w.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns}))
		cmd := program("watch", "--help")
		cmd.Stdout = w
		p := start(t, cmd)
		w.Close() // so that there is an end
		longest := 0
		for shown := bufio.NewScanner(r); shown.Scan(); {
			if line := strings.TrimSuffix(shown.Text(), "\r"); !strings.HasPrefix(line, " ") {
				longest = max(longest, len(line))
			}
		}
		p.waitExit(0)
		require.LessOrEqual(t, longest, int(columns))
		require.Greater(t, longest, int(columns)-10)
	}
}
