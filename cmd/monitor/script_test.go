// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// TestScripts runs scripts with the command monitor, which is the program.
func TestScripts(t *testing.T) {
	requireRoot(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*testTimeout)
	t.Cleanup(cancel)
	newEngine := func(testing.TB, []string) *script.Engine {
		cmds := map[string]script.Cmd{"monitor": monitorCommand()}
		maps.Copy(cmds, script.DefaultCmds())
		return &script.Engine{Cmds: cmds, Conds: script.DefaultConds()}
	}
	self, err := os.Executable()
	require.NoError(t, err)
	stream, err := filepath.Abs("../../bench/internal/recorded/node.stream")
	require.NoError(t, err)
	env := append(programEnv(),
		"TYPES="+strings.Join(api.MessageTypeNames(), "\n"),
		"MONITOR="+self,     // the program, for "exec sh"
		"STREAM="+stream,    // 174 events of a session of the monitor API
		"HOME="+t.TempDir(), // of tshark
	)
	scripttest.Test(t, ctx, newEngine, env, "testdata/*.txtar")
}

// monitorCommand is the program as a script command, which fails if the exit code is not the one
// that is expected.
func monitorCommand() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Run monitor",
		Args:    "[exit=CODE] [VARIABLE=value...] [args...]",
		Async:   true,
	}
	return script.Command(usage, func(s *script.State, args ...string) (script.WaitFunc, error) {
		want := 0
		var env []string
		for len(args) > 0 {
			name, value, assignment := strings.Cut(args[0], "=")
			if !assignment || strings.HasPrefix(name, "-") {
				break
			}
			if name == "exit" {
				var err error
				if want, err = strconv.Atoi(value); err != nil {
					return nil, err
				}
			} else {
				env = append(env, args[0])
			}
			args = args[1:]
		}
		var stdout, stderr strings.Builder
		cmd := exec.CommandContext(s.Context(), "/proc/self/exe", args...)
		cmd.Env = slices.Concat(programEnv(), env)
		cmd.Dir = s.Getwd()
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = testTimeout
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return func(*script.State) (string, string, error) {
			err := cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != want {
				err = fmt.Errorf("exit code %d instead of %d (%v)", code, want, err)
			} else {
				err = nil // also if the end of the script ended it
			}
			return stdout.String(), stderr.String(), err
		}, nil
	})
}
