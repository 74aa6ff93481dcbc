// SPDX-License-Identifier: Apache-2.0

package commands_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

// evil is a consumer whose name would change the terminal, and add a row to the table.
type evil struct{ testutils.FakeConsumer }

func (*evil) String() string { return "\x1b[31mX\ty\nclient z\x7f\u009b\u202e\xff" }

// TestNamesArePrintable shows names as what they are: a client chooses that of its process.
func TestNamesArePrintable(t *testing.T) {
	s := typed(t, "monitor/watch --count 1", agent.WithEventsMap("/none\x1b[2J"))
	s.agent.RegisterNewConsumer(&evil{})
	s.send("one")
	s.requireEnd()
	table := s.run("monitor/subscribers")
	require.Contains(t, s.run("monitor/status"), `  /none\u001b[2J`)
	require.Contains(t, table, `consumer  \u001b[31mX\ty\nclient z\u007f\u009b\u202e\xff  -  `)
	require.NotContains(t, table, "\x1b")
	for _, command := range []string{"monitor/subscribers", "monitor/status"} {
		require.Contains(t, s.run(command+" -o json"), `\u001b[31mX\ty\nclient z\u007f\u009b\u202e\ufffd`)
		for _, r := range s.run(command) + s.run(command+" -o json") {
			require.True(t, r == '\n' || unicode.IsPrint(r) && r != utf8.RuneError, "%q", r)
		}
	}
}
