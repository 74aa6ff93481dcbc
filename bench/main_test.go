// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// asProgram is set in the environment of the test's binary where it is to be the program.
const asProgram = "MONITOR_BENCH_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// TestSmallRun runs shapes and traffic with a load that takes no time, of this project's agent alone:
// Cilium's takes minutes to build.
func TestSmallRun(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	project := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(project, "docs"), 0o755))
	for _, file := range []string{page, "README.md"} {
		text, err := os.ReadFile(filepath.Join("..", file))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(project, file), text, 0o644))
	}

	cmd := exec.Command("/proc/self/exe", "-agents", ours, "-only", "shapes,traffic", "-docs", project,
		"-rounds", "1", "-rates", "1000", "-bursts", "1,20", "-clients", "1", "-window", "20ms")
	// A directory of its own: comparisons wait for each other by locking that for temporary files.
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)

	written, err := os.ReadFile(filepath.Join(project, page))
	require.NoError(t, err)
	for _, want := range []string{
		// With some latency and no loss.
		`\| even \| 1k/s.* \| 1 \| [1-9].* µs / - \|.* 0 % / - \| 0 % / - \|`,
		`\| bursts of 20 \| 1k/s.* \| 1 \| [1-9].* µs / - \|.* 0 % / - \| 0 % / - \|`,
		`\| bursts of 20 on 2 CPUs \| 1k/s.* \| 1 \| [1-9].* µs / - \|.* 0 % / - \| 0 % / - \|`,
		`\| TCP, 1000 requests and responses a second \| 4 \| .* \| .* \| [1-9].* µs / - \|.* 0 % / - \| 0 % / - \|`,
	} {
		require.Regexp(t, want, string(written))
	}
	require.FileExists(t, filepath.Join(project, "docs", "bench.svg"))
}
