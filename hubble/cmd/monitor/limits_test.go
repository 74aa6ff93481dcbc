// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the command may take. It is far over maxBytes where the linker can't leave out the methods that nobody calls:
// go build -ldflags=-dumpdep says by what a function marked with <ReflectMethod> is reached, as those of text/template are.
const (
	maxBytes    = 24_000_000
	maxPackages = 520
)

// TestSize builds the command as the Makefile does for its image.
func TestSize(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "monitor")
	output, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", output)
	info, err := os.Stat(binary)
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(maxBytes))
}

// TestPackages counts the packages without build tags, those of the standard library too.
func TestPackages(t *testing.T) {
	list, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	require.LessOrEqual(t, bytes.Count(list, []byte("\n")), maxPackages)
}
