// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a command that runs, with what it has printed so far.
type process struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr output
	exited         chan struct{} // closed when it has ended
}

// output collects what is written to it.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// program returns the program with arguments.
func program(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = programEnv()
	return cmd
}

// start starts a command, and kills it at the end of the test if it still runs. Its
// output is collected unless it goes elsewhere.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd, t: t, exited: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	cmd.WaitDelay = time.Second // programs that it has started, as tshark does, may have its output open
	require.NoError(t, cmd.Start())
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(cmd.Args, " "), &p.stdout, &p.stderr)
		}
	})
	return p
}

func startMonitor(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, program(args...))
}

// run runs the program to its end.
func run(t *testing.T, args ...string) *process {
	t.Helper()
	p := startMonitor(t, args...)
	p.wait()
	return p
}

const testTimeout = time.Minute

func (p *process) wait() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(testTimeout):
		require.Fail(p.t, "it still runs")
	}
}

// waitExit waits until it ends with the exit code.
func (p *process) waitExit(code int) {
	p.t.Helper()
	p.wait()
	require.Equal(p.t, code, p.ProcessState.ExitCode(), "exit code (%s)", p.ProcessState)
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.Process.Signal(s))
}

func (p *process) waitStdout(text string) { p.t.Helper(); p.waitFor(&p.stdout, text) }
func (p *process) waitStderr(text string) { p.t.Helper(); p.waitFor(&p.stderr, text) }

func (p *process) waitFor(out *output, text string) {
	p.t.Helper()
	waitUntil(p.t, func() bool { return strings.Contains(out.String(), text) }, "it never printed %q", text)
}

// waitUntil waits until a condition holds. As opposed to require.Eventually it asks on the test's
// goroutine, so that the condition may require something itself.
func waitUntil(t *testing.T, condition func() bool, failure ...any) {
	t.Helper()
	timeout := time.After(testTimeout)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-timeout:
			require.Fail(t, "the condition never held", failure...)
		}
	}
}

// requireFailure requires that it ended with the exit code and said all of the texts in one
// line, the last one.
func (p *process) requireFailure(code int, texts ...string) {
	p.t.Helper()
	p.waitExit(code)
	require.Empty(p.t, p.stdout.String())
	before, message, _ := strings.Cut(p.stderr.String(), "Error: ")
	require.NotContains(p.t, before, "level=error")
	require.Equal(p.t, 1, strings.Count(message, "\n"), "%q", message)
	for _, text := range texts {
		require.Contains(p.t, message, text)
	}
}
