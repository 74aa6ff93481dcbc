// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	output, err := exec.Command("go", "build", "-tags", "man", "-o", generator, "../../cmd/monitor").CombinedOutput()
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
		require.NotRegexp(t, `\[=(false|0)`, text)
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

	titles := func(command string) (titles []string) {
		for _, m := range regexp.MustCompile(`(?m)^\.SH (.*)$`).FindAllStringSubmatch(page(east, command), -1) {
			titles = append(titles, m[1])
		}
		return titles
	}
	for _, command := range []string{"monitor watch", "monitor drops", "monitor top", "monitor status", "monitor agent", "monitor shell"} {
		require.Equal(t, []string{
			"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLE", "SEE ALSO",
		}, titles(command), command)
	}
	require.Equal(t, []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLE", "SEE ALSO"}, titles("monitor"))
	require.Regexp(t, `(?m)^  CILIUM_WATCH_DROP_REASON +--drop-reason$`, page(east, "monitor watch"))
	require.Regexp(t, `(?m)^  CILIUM_MONITOR_QUEUE_SIZE +--monitor-queue-size$`, page(east, "monitor agent"))
	require.Regexp(t, `(?m)^  nc -U \S+ \| monitor watch --read -$`, page(east, "monitor watch"))
}
