// SPDX-License-Identifier: Apache-2.0

package fold_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/internal/fold"
)

func TestLine(t *testing.T) {
	for _, test := range []struct {
		line            string
		columns, indent int
		rows            []string
	}{
		{"", 20, 2, []string{""}},
		{"it fits", 7, 2, []string{"it fits"}},
		{"cut between its words", 20, 2, []string{"cut between its", "  words"}},
		{"a word ends in the last column", 20, 4, []string{"a word ends in the", "    last column"}},
		{"exactly twenty runes and more", 20, 0, []string{"exactly twenty runes", "and more"}},
		{"a /path/that/is/longer/than/a/row", 20, 2, []string{"a /path/that/is/long", "  er/than/a/row"}},
		{"umlauts: äöüäöü äöüäöü", 20, 1, []string{"umlauts: äöüäöü", " äöüäöü"}},
		{"less room than the indent has, but some", 20, 60, []string{"less room than the", "    indent has, but", "    some"}},
		{"abc", 0, 2, []string{"a", "b", "c"}},
	} {
		require.Equal(t, test.rows, fold.Line(test.line, test.columns, test.indent), "%q", test.line)
	}
}

func TestTable(t *testing.T) {
	const text = "PART    HEALTH\n" +
		"server  OK  Serving the monitor API on /run/monitor.sock\n" +
		"\n" +
		"Lost:   0 ring full\n"
	require.Equal(t, text, fold.Table(text, 0))
	require.Equal(t, text, fold.Table(text, 80))
	require.Equal(t, "PART    HEALTH\n"+
		"server  OK  Serving the monitor\n"+
		"            API on\n"+
		"            /run/monitor.sock\n"+
		"\n"+
		"Lost:   0 ring full\n", fold.Table(text, 31))
}

// FuzzLine shows that rows fit, and have all words in their order.
func FuzzLine(f *testing.F) {
	f.Add("some words, and one_that_is_longer_than_a_row", 20, 4)
	f.Add("  ä ö  ü", 1, 1)
	f.Fuzz(func(t *testing.T, line string, columns, indent int) {
		if !utf8.ValidString(line) || strings.ContainsAny(line, "\n") || columns < 1 || columns > 1000 {
			t.Skip()
		}
		rows := fold.Line(line, columns, indent)
		for _, row := range rows {
			require.LessOrEqual(t, utf8.RuneCountInString(row), columns)
		}
		require.Equal(t, strings.ReplaceAll(line, " ", ""), strings.ReplaceAll(strings.Join(rows, ""), " ", ""))
	})
}
