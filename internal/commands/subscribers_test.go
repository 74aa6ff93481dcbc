// SPDX-License-Identifier: Apache-2.0

package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/testutils"
)

// evil is a consumer whose name would change the terminal, and add a row to the table.
type evil struct{ testutils.FakeConsumer }

func (*evil) String() string { return "\x1b[31mX\ty\nclient z" }

// TestNamesArePrintable shows names as what they are: a client chooses that of its process.
func TestNamesArePrintable(t *testing.T) {
	s := typed(t, "monitor/watch --count 1")
	s.agent.RegisterNewConsumer(&evil{})
	s.send("one")
	s.requireEnd()
	table := s.run("monitor/subscribers")
	require.Contains(t, table, "consumer  ?[31mX?y?client z  -  ")
	require.NotContains(t, table, "\x1b")
}
