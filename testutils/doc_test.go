// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocHasTheExample keeps the test and the script in the package's documentation those of
// the example.
func TestDocHasTheExample(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(text)
	}
	_, test, found := strings.Cut(read("../example/main_test.go"), "\n\n") // the license
	require.True(t, found)
	for _, text := range []string{test, read("../example/testdata/drops.txtar")} {
		comment := strings.ReplaceAll("\n"+text, "\n", "\n//\t")
		comment = strings.ReplaceAll(comment, "\t\n", "\n") // the empty lines
		require.Contains(t, read("doc.go"), "\n//"+strings.TrimSuffix(comment, "\t"),
			"doc.go does not have what is in example")
	}
}
