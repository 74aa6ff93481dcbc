// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/session"
)

// TestDocs decodes the examples of the documentation: what a client gets that is made of it.
func TestDocs(t *testing.T) {
	file, err := os.ReadFile("../../docs/api-1.3.md")
	require.NoError(t, err)
	page := string(file)
	sections := make(map[string]string) // their example, by heading
	for section := range strings.SplitSeq(page, "\n## ") {
		heading, text, _ := strings.Cut(section, "\n")
		if example := regexp.MustCompile("(?s)```(?:json)?\n(.*?)```").FindStringSubmatch(text); example != nil {
			sections[heading] = example[1]
		}
	}
	same := func(heading string, v any) {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		require.JSONEq(t, sections[heading], string(text))
	}

	request, err := session.DecodeRequest([]byte(sections["Request"]))
	require.NoError(t, err)
	same("Request", request)
	greeting, err := session.DecodeGreeting([]byte(sections["Greeting"]))
	require.NoError(t, err)
	same("Greeting", greeting)
	refusal, err := session.DecodeRefusal([]byte(sections["Refusal"]))
	require.NoError(t, err)
	same("Refusal", refusal)

	line, _, _ := strings.Cut(sections["Event"], "\n")
	frame, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
	require.NoError(t, err)
	require.Equal(t, session.AppendEvent(nil, 123456789, 3, []byte{4, 10, 7}), frame)

	for _, row := range []string{
		"| 1 | kernel: ", "| 2 | reader: ", "| 3 | rate-limit: ", "| 4 | history: ",
		"| `request` | ", "| `version` | ", "| `timeout` | ", "| `busy` | ", "| `stopping` | ",
	} {
		require.Contains(t, page, row)
	}
}
