// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLogIsInert logs what a terminal would act on with both loggers.
func TestLogIsInert(t *testing.T) {
	const evil = "\x1b[2J\x7f\u009b\u202e\xff\nhttp://user:secret@host"
	path := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	stderr := os.Stderr
	os.Stderr = file
	t.Cleanup(func() { os.Stderr = stderr })
	newLogger(logConfig{}).WithError(errors.New(evil)).WithField("a\x7f", "b\x7f").Info(evil)
	newSlogger(slog.LevelInfo).Info(evil, "error", errors.New(evil), "a\x7f", "b\x7f")

	log, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(log), "\n"), "%s", log)
	require.Equal(t, 4, strings.Count(string(log), "user:xxxxx@host"), "%s", log)
	require.NotContains(t, string(log), "secret")
	for _, r := range string(log) {
		require.True(t, r == '\n' || r >= ' ' && r <= '~', "%q in %s", r, log)
	}
}
