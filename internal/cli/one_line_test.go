// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"plain":               "plain",
		"one\ntwo":            "one; two",
		"list:\n\n* item\n":   "list: * item",
		"open \x1b[2J\u202e":  `open \u001b[2J\u202e`,
		"get http://u:p@h/":   "get http://u:xxxxx@h/",
		"list:\n\ta\n\n\tb\n": "list: a; b",
	} {
		require.Equal(t, want, oneLine(errors.New(text)))
	}
}
