// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestTopRecording looks at a recording, from the table to the bytes of a packet and back, and has the terminal as it was
// before.
func TestTopRecording(t *testing.T) {
	terminal := newEmulator(t)
	before := terminal.mode()
	p := terminal.start(program("top", "--read", recordingOfTwo(t)))
	terminal.wait("The policy says no")
	require.NotEqual(t, before, terminal.mode())
	terminal.wait(", 3 in all") // of both agents, with their own names
	p.signal(syscall.SIGTERM)
	p.waitExit(0)
	require.Equal(t, before, terminal.mode())
}

// TestTopPages goes through the pages with keys.
func TestTopPages(t *testing.T) {
	terminal := newEmulator(t)
	stream, err := filepath.Abs("../../bench/internal/recorded/node.stream")
	require.NoError(t, err)
	shell := exec.Command("bash", "--norc", "-i")
	shell.Env, shell.Stderr = append(programEnv(), "MONITOR="+os.Args[0], "STREAM="+stream), terminal.device
	terminal.start(shell)
	terminal.press("\"$MONITOR\" top --read \"$STREAM\"\r")
	terminal.wait("Policy denied (133)")
	terminal.press("4")
	terminal.wait("10.9.0.1 -> 10.9.0.2:9998 udp")
	terminal.press("1\r")
	terminal.wait("Policies apply in this direction")
	terminal.press("\r")
	terminal.wait("UDP  {Contents")
	terminal.press("x")
	terminal.wait("00000000  ")
	terminal.press("\x1a") // Ctrl-Z
	terminal.wait("Stopped")
	require.NotZero(t, terminal.mode().Lflag&unix.ISIG, "Ctrl-C is a signal again")
	terminal.press("fg\r")
	waitUntil(t, func() bool { return terminal.mode().Lflag&unix.ISIG == 0 }, "it does not go on")
	terminal.press("?")
	terminal.wait("another table")
	terminal.press("q")
	waitUntil(t, func() bool { return terminal.mode().Lflag&unix.ISIG != 0 }, "it does not quit")
}

// TestTopAgent watches an agent that does not run yet, and that restarts.
func TestTopAgent(t *testing.T) {
	socket := testutils.SocketPath(t)
	terminal := newEmulator(t)
	p := terminal.start(program("top", "--monitor-socket-path", socket))
	terminal.wait("No agent serves the socket yet")
	terminal.wait("No agent runs here: monitor agent --kernel-drops tells what is dropped.")
	generator, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	defer generator.Close()
	for _, reason := range []uint8{133, 181} {
		a := serveAt(t, socket)
		require.NoError(t, a.AttachToMap("generator", generator.Map(), 8))
		a.waitClients(1)
		waitUntil(t, func() bool {
			drop := api.DropNotify{Type: api.MessageTypeDrop, SubType: reason}
			require.NoError(t, generator.EmitSample(drop.Append(nil), 1))
			return strings.Contains(terminal.screen(), api.DropReason(reason))
		}, "the drop is not shown")
		a.stop()
		terminal.wait("Lost the agent")
	}
	terminal.press("\x03") // Ctrl-C
	p.waitExit(0)
}

// TestTopDatapathOnly says that an agent does not tell what the kernel drops.
func TestTopDatapathOnly(t *testing.T) {
	socket := testutils.SocketPath(t)
	a := startMonitor(t, "agent", "--monitor-socket-path", socket, "--monitor-events-map", testutils.EventsMapPath(t))
	waitUntil(t, func() bool { return reachShell(shellSocketBeside(socket)) == nil })
	terminal := newEmulator(t)
	p := terminal.start(program("top", "--monitor-socket-path", socket))
	terminal.wait("The agent tells what its datapath drops only (no --kernel-drops): nothing yet.")
	p.signal(syscall.SIGTERM)
	p.waitExit(0)
	a.signal(syscall.SIGTERM)
	a.waitExit(0)
}

// TestTopWants shows that an agent is asked for no more than what is shown.
func TestTopWants(t *testing.T) {
	a := serve(t)
	terminal := newEmulator(t)
	p := terminal.start(program("top", "--monitor-socket-path", a.socket))
	a.waitClients(1)
	require.Equal(t, "drop, policy-verdict, kernel-drop", a.Stats().Clients[0].Wants)
	p.signal(syscall.SIGHUP)
	p.waitExit(0)
}

func TestTopWithoutTerminal(t *testing.T) {
	p := run(t, "top")
	p.requireFailure(exitUsage, "monitor watch --for 10s --summary")

	terminal := newEmulator(t)
	dumb := exec.Command("env", "TERM=dumb", os.Args[0], "top", "--read", recordingOfTwo(t))
	dumb.Env = programEnv()
	terminal.start(dumb).waitExit(exitUsage)
	require.Empty(t, strings.TrimSpace(terminal.screen()), "stderr has it")
}

// TestTopWrong shows that what is wrong is told on the terminal as it was before.
func TestTopWrong(t *testing.T) {
	terminal := newEmulator(t)
	before := terminal.mode()
	p := terminal.start(program("top", "--read", os.Args[0]))
	p.waitExit(exitFailed)
	require.Contains(t, p.stderr.String(), "is neither a recording nor")
	p = terminal.start(program("top", "--drop-reason", "luck"))
	p.waitExit(exitUsage)
	require.Equal(t, before, terminal.mode())
}
