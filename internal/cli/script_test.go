// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
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
	"time"

	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
)

// TestScripts runs scripts with the command monitor, which is the program.
func TestScripts(t *testing.T) {
	requireRoot(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*testTimeout)
	t.Cleanup(cancel)
	newEngine := func(testing.TB, []string) *script.Engine {
		cmds := map[string]script.Cmd{"monitor": monitorCommand((*exec.Cmd).Start)}
		maps.Copy(cmds, script.DefaultCmds())
		return &script.Engine{Cmds: cmds, Conds: script.DefaultConds()}
	}
	self, err := os.Executable()
	require.NoError(t, err)
	stream, err := filepath.Abs("../../bench/internal/recorded/node.stream")
	require.NoError(t, err)
	env := append(programEnv(),
		"TYPES="+strings.Join(api.MessageTypeNames(), "\n"),
		"MONITOR="+self, // the program, for "exec sh"
		"RECORDING="+recordingOfTwo(t),
		"STREAM="+stream,    // 174 events of a session of the monitor API
		"HOME="+t.TempDir(), // of tshark
	)
	scripttest.Test(t, ctx, newEngine, env, "testdata/*.txtar")
}

// monitorCommand is the program as a script command, which fails if the exit code is not the one
// that is expected.
func monitorCommand(start func(*exec.Cmd) error) script.Cmd {
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
		if err := start(cmd); err != nil {
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

// recordingOfTwo returns a recording of two agents that have words of their own.
func recordingOfTwo(t *testing.T) string {
	var file bytes.Buffer
	names := recording.Vocabulary()
	names.Node = "node-7"
	names.DropReasons[220] = "Out of luck"
	names.DropReasons[133] = "The policy says no"
	names.MessageTypes[99] = "flow-log"
	names.Interfaces = map[uint32]string{7: "eth7"}
	names.AltNames = map[uint32][]string{7: {"an-alternative-name"}}
	w, err := recording.NewWriter(&file, names)
	require.NoError(t, err)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	write := func(sample []byte) {
		require.NoError(t, w.Write(at, &payload.Payload{Type: payload.EventSample, Data: sample}))
		at = at.Add(time.Second)
	}
	drop := func(reason uint8) []byte {
		return (&api.DropNotify{Type: api.MessageTypeDrop, SubType: reason, Ifindex: 7}).Append(nil)
	}
	deny := (&api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, Verdict: -133, Cookie: 1}).Append(nil)
	rules, err := api.DenyRulesNotice([]string{"udp/9999"}).ToJSON()
	require.NoError(t, err)
	for _, sample := range [][]byte{rules.Append(nil), drop(220), drop(133), {99, 1, 2}, deny} {
		write(sample)
	}

	names = recording.Vocabulary()
	names.Node = "node-8"
	names.MessageTypes[99] = "other-log"
	names.Interfaces = map[uint32]string{7: "eth8"}
	require.NoError(t, w.Begin(names))
	for _, sample := range [][]byte{deny, drop(133), {99, 1, 2}} {
		write(sample)
	}
	require.NoError(t, w.Flush())
	return fileOf(t, file.Bytes())
}
