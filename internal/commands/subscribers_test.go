// SPDX-License-Identifier: Apache-2.0

package commands_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/testutils"
)

// evil is a consumer whose name would change the terminal, and add a row to the table.
type evil struct{ testutils.FakeConsumer }

func (*evil) String() string { return "\x1b[31mX\ty\nclient z\x7f\u009b\u202e\xff" }

// dropsOnly is a consumer that does not want everything.
type dropsOnly struct{ testutils.FakeConsumer }

func (*dropsOnly) String() string              { return "drops" }
func (*dropsOnly) Interest() interest.Interest { return interest.Types(api.MessageTypeDrop) }

// TestWants shows who asked for what, and what is kept for those who come later.
func TestWants(t *testing.T) {
	s := typed(t, "monitor/watch --count 1", agent.WithHistory(interest.Types(api.MessageTypeAgent), 1<<20))
	require.NotContains(t, s.run("monitor/subscribers"), "WANTS")
	require.Regexp(t, `(?m)^History: +empty; it keeps agent in 1.0 MB$`, s.run("monitor/status"))
	require.Regexp(t, `(?m)^Wanted: +everything$`, s.run("monitor/status"))
	s.agent.RegisterNewConsumer(&dropsOnly{})
	table := s.run("monitor/subscribers")
	require.Regexp(t, `(?m)^KIND .* TIME/EVENT +WANTS$`, table)
	require.Regexp(t, `(?m)^consumer +drops .* drop$`, table)
	require.Regexp(t, `(?m)^stream .* everything$`, table)
	s.send("one")
	s.requireEnd()
	require.Regexp(t, `(?m)^Wanted: +drop, agent$`, s.run("monitor/status"))
	require.Regexp(t, `(?m)^History: +1 event since 0s ago; it keeps agent in 1.0 MB$`, s.run("monitor/status"))
}

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
