// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// TestManualPages writes the pages of all commands. They have all flags, and depend neither on the
// day nor on the time zone.
func TestManualPages(t *testing.T) {
	generator := filepath.Join(t.TempDir(), "man")
	output, err := exec.Command("go", "build", "-tags", "man", "-o", generator, ".").CombinedOutput()
	require.NoError(t, err, "%s", output)
	write := func(env ...string) string {
		dir := filepath.Join(t.TempDir(), "pages")
		cmd := exec.Command(generator, dir)
		cmd.Env = append(os.Environ(), env...)
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return dir
	}
	page := func(dir, command string) string {
		text, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(command, " ", "-")+".1"))
		require.NoError(t, err)
		return string(text)
	}
	east := write("SOURCE_DATE_EPOCH=1767225599", "TZ=Asia/Tokyo")
	west := write("SOURCE_DATE_EPOCH=1767225599", "TZ=America/Los_Angeles")
	undated := write("SOURCE_DATE_EPOCH=")

	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		text := page(east, cmd.CommandPath())
		require.Equal(t, text, page(west, cmd.CommandPath()))
		require.Contains(t, text, `"Dec 2025"`)
		require.Contains(t, page(undated, cmd.CommandPath()), `"Jan 1970"`)
		require.NotContains(t, text, "on this machine")
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			require.Equal(t, !f.Hidden, strings.Contains(text, `\fB--`+f.Name+`\fP`), "--%s", f.Name)
		})
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				check(c)
			}
		}
	}
	check(newCommand())
}
