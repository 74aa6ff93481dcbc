// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"io"
	"strconv"
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

// TestHelpFits shows that the help has the width of the terminal, also where a pager shows it.
func TestHelpFits(t *testing.T) {
	for _, columns := range []uint16{76, 110} {
		r, w := terminal(t)
		require.NoError(t, unix.IoctlSetWinsize(int(w.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns}))
		shown, piped := program("watch", "--help"), program("watch", "--help")
		shown.Stdout = w
		var pager strings.Builder
		piped.Stdout, piped.Stderr = &pager, w
		require.NoError(t, piped.Run())
		p := start(t, shown)
		w.Close() // so that there is an end
		text, err := io.ReadAll(r)
		require.ErrorIs(t, err, unix.EIO)
		p.waitExit(0)
		require.Equal(t, pager.String(), strings.ReplaceAll(string(text), "\r\n", "\n"))
		longest := 0
		for line := range strings.Lines(pager.String()) {
			longest = max(longest, len(line)-1)
		}
		require.LessOrEqual(t, longest, int(columns))
		require.Greater(t, longest, int(columns)-10)
	}
}

// TestStatusFits shows that the status fits into the columns that there are, also in watch(1), and is not folded elsewhere.
func TestStatusFits(t *testing.T) {
	a := startAgent(t)
	w := startMonitor(t, "watch", "--monitor-socket-path", a.socket)
	w.waitStderr("Connected to the agent")
	message := "Serving the monitor API 1.2 on " + a.socket
	for _, columns := range []int{80, 0} {
		cmd := program("status", "--shell-sock-path", a.shell)
		cmd.Env = append(cmd.Environ(), "COLUMNS="+strconv.Itoa(columns))
		p := start(t, cmd)
		p.waitExit(0)
		require.Equal(t, columns == 0, strings.Contains(p.stdout.String(), message), "%s", p.stdout.String())
		for line := range strings.Lines(p.stdout.String()) {
			require.True(t, columns == 0 || len(line)-1 <= columns, "%q", line)
		}
		require.Regexp(t, `(?m)^KIND +NAME +VERSION +PID +UID +AGE +DELIVERED +LOST +LAG( +WANTS)?$`, p.stdout.String())
	}
}
