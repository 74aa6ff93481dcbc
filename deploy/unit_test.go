// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const unitFile = "monitor-agent.service"

// unitSetting returns the value of a setting that the unit has once.
func unitSetting(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	require.NoError(t, err)
	var values []string
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+"="); found {
			values = append(values, strings.TrimSpace(value))
		}
	}
	require.Len(t, values, 1, name)
	return values[0]
}

func unitCapabilities(t *testing.T) []string {
	t.Helper()
	return strings.Fields(unitSetting(t, "AmbientCapabilities"))
}

// TestUnit has systemd verify the unit, with a program that is there in place of the agent.
func TestUnit(t *testing.T) {
	requireTool(t, "systemd-analyze")
	text, err := os.ReadFile(unitFile)
	require.NoError(t, err)
	require.Contains(t, string(text), "ExecStart=/usr/local/bin/monitor agent\n")
	copied := filepath.Join(t.TempDir(), unitFile)
	text = []byte(strings.Replace(string(text), "/usr/local/bin/monitor", "/bin/true", 1))
	require.NoError(t, os.WriteFile(copied, text, 0o644))

	out, err := exec.Command("systemd-analyze", "verify", "--man=no", copied).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), unitFile, "it has warnings")
	require.Equal(t, unitSetting(t, "AmbientCapabilities"), unitSetting(t, "CapabilityBoundingSet"))
}

// TestSysusers makes the user and the group that the unit names, in a system of its own.
func TestSysusers(t *testing.T) {
	requireTool(t, "systemd-sysusers")
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	snippet, err := filepath.Abs("monitor-agent.sysusers")
	require.NoError(t, err)
	out, err := exec.Command("systemd-sysusers", "--root="+root, snippet).CombinedOutput()
	require.NoError(t, err, "%s", out)

	has := func(file, name string) {
		text, err := os.ReadFile(filepath.Join(root, "etc", file))
		require.NoError(t, err)
		require.Regexp(t, `(?m)^`+name+`:`, string(text), file)
	}
	has("passwd", unitSetting(t, "User"))
	has("group", unitSetting(t, "Group"))
}

func requireTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s, of the package systemd", name)
	}
}
