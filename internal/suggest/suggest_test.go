// SPDX-License-Identifier: Apache-2.0

package suggest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/internal/suggest"
)

func TestDidYouMean(t *testing.T) {
	candidates := []string{"Policy denied", "No mapping for NAT masquerade", "NO_SOCKET", "drop", "SYN"}
	for text, want := range map[string]string{
		"polcy":    "Policy denied",
		"denyed":   "Policy denied",
		"NO_SOKET": "NO_SOCKET",
		"dorp":     "drop",
		"SNY":      "SYN",
		"FOO":      "", // is not far from "for"
		"999":      "",
		"":         "",
	} {
		hint := ""
		if want != "" {
			hint = `; did you mean "` + want + `"?`
		}
		require.Equal(t, hint, suggest.DidYouMean(text, candidates), text)
	}
}
