// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

const runScript = "../../scripts/run"

// TestRunScript runs what "make run" does, on the loopback device of a network namespace of
// its own, until it is told to stop.
func TestRunScript(t *testing.T) {
	requireRoot(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			tmp := t.TempDir()
			cmd := exec.Command(runScript, self)
			cmd.Env = append(programEnv(), "TMPDIR="+tmp)
			p := startInNamespace(t, cmd)
			p.waitStdout("got through")
			p.waitStdout("udp: NO_SOCKET, lo")
			p.waitStdout("udp: Policy denied, lo, rule udp/9999")
			p.waitStdout("icmp EchoReply")
			p.signal(sig)
			p.wait()
			require.NotContains(t, p.stderr.String(), "Lost the agent", "watch ends first")
			_, lines, found := strings.Cut(p.stdout.String(), "got through\n")
			require.True(t, found)
			for line := range strings.Lines(lines) {
				require.Regexp(t, `^(DROP 127\.0\.0\.1:\d+ -> 127\.0\.0\.1:(9998 udp: NO_SOCKET, lo, in __udp4_lib_rcv|9999 udp: Policy denied, lo, rule udp/9999)|`+
					`in   127\.0\.0\.2 -> 127\.0\.0\.1 icmp EchoReply: lo)\n$`, line, "a line for each packet")
				require.LessOrEqual(t, len(line), 81)
			}

			left, err := os.ReadDir(tmp)
			require.NoError(t, err)
			require.Empty(t, left)
			require.Empty(t, processesWith(t, tmp))
			require.NoDirExists(t, fmt.Sprintf("/sys/fs/bpf/monitor-run-%d", p.Process.Pid))
		})
	}
}

func TestRunScriptWithoutRoot(t *testing.T) {
	script, err := os.Open(runScript) // which that user might not be allowed to
	require.NoError(t, err)
	defer script.Close()
	cmd := exec.Command("bash", "-s", "monitor")
	cmd.Stdin = script
	cmd.Dir = "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	p := start(t, cmd)
	p.waitExit(1)
	require.Equal(t, "This needs root, to load BPF programs: sudo make run\n", p.stderr.String())
}

// startInNamespace starts a command in a network namespace that has a loopback device and
// nothing else.
func startInNamespace(t *testing.T, cmd *exec.Cmd) *process {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	old, err := netns.Get()
	require.NoError(t, err)
	defer old.Close()
	ns, err := netns.New()
	require.NoError(t, err)
	defer ns.Close()
	defer func() { require.NoError(t, netns.Set(old)) }()
	lo, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(lo))
	return start(t, cmd)
}

// processesWith returns the command lines of processes that have text in them.
func processesWith(t *testing.T, text string) (found []string) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(line), text) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
