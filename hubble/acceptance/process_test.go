// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/internal/testns"
)

// binaries is the environment variable that says where the programs are: monitor, hubble and hubble-relay.
const binaries = "HUBBLE_TEST_BINARIES"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A test waits so long, however slow the machine.
const timeout = time.Minute

// binary returns the path of a program.
func binary(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv(binaries)
	if dir == "" {
		t.Skip(binaries + " does not say where the programs are: run make test-hubble")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs, makes network namespaces")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	require.NoError(t, err)
	return path
}

// process is a program that runs.
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

// lines returns the lines that are whole.
func (o *output) lines() []string {
	text := o.String()
	all := strings.Split(text, "\n")
	return all[:len(all)-1]
}

// start starts a program, in a namespace unless that is nil, and ends it at the end of the test if it still runs.
func start(t *testing.T, ns *testns.Namespace, name string, args ...string) *process {
	t.Helper()
	p := command(t, name, args...)
	p.start(ns)
	return p
}

// command returns a program that is not started.
func command(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(binary(t, name), args...), t: t, exited: make(chan struct{})}
	p.Env = append(os.Environ(), "HUBBLE_SERVER=", "HUBBLE_TLS=")
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	return p
}

func (p *process) start(ns *testns.Namespace) {
	p.t.Helper()
	run := func() error { return p.Start() }
	if ns != nil {
		ns.Do(run)
	} else {
		require.NoError(p.t, run())
	}
	go func() {
		defer close(p.exited)
		_ = p.Wait() // how it ended is in ProcessState
	}()
	p.t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		p.wait()
		if p.t.Failed() {
			p.t.Logf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.Args, " "), tail(p.stdout.String()), tail(p.stderr.String()))
		}
	})
}

func tail(text string) string { return text[max(0, len(text)-8<<10):] }

// kill kills it, and waits for its end.
func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.exited
}

// run runs a program to its end, which has to be a good one, and returns what it printed.
func run(t *testing.T, ns *testns.Namespace, name string, args ...string) string {
	t.Helper()
	p := start(t, ns, name, args...)
	p.wait()
	require.Zero(t, p.ProcessState.ExitCode(), "%v: %s%s", args, &p.stdout, &p.stderr)
	return p.stdout.String()
}

// wait waits for its end.
func (p *process) wait() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(timeout):
		p.kill()
		require.Fail(p.t, "it still ran", p.Args)
	}
}

// waitUntil waits until a condition holds.
func waitUntil(t *testing.T, condition func() bool, failure ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.Fail(t, "the condition never held", failure...)
		}
	}
}

// waitLines waits until it has printed so many lines, and returns these.
func (p *process) waitLines(n int) []string {
	p.t.Helper()
	waitUntil(p.t, func() bool { return len(p.stdout.lines()) >= n }, "it never printed so many lines")
	return p.stdout.lines()
}

// response is a line of hubble observe -o jsonpb, as far as tests look at it.
type response struct {
	Flow *struct {
		Verdict string
		L4      struct {
			UDP struct {
				SourcePort int `json:"source_port"`
			}
			TCP json.RawMessage
		}
		DropReason int `json:"drop_reason"`
	}
	LostEvents *struct {
		Source string
		Number string `json:"num_events_lost"`
	} `json:"lost_events"`
	NodeStatus *struct {
		State string   `json:"state_change"`
		Names []string `json:"node_names"`
	} `json:"node_status"`
	NodeName string `json:"node_name"`
	Time     time.Time
}

// responses returns what lines of hubble observe say.
func responses(t *testing.T, lines []string) (all []response) {
	t.Helper()
	for _, line := range lines {
		var r response
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		all = append(all, r)
	}
	return all
}
