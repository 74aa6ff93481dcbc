// SPDX-License-Identifier: Apache-2.0

package unixsocket_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// server is a process that listens, see serverMain.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
}

// startServer starts a server, and waits until it waits for its input.
func startServer(t *testing.T, path string, stdin *os.File, env ...string) *server {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(append(os.Environ(), asServer+"="+path, "GORACE=atexit_sleep_ms=0"), env...)
	cmd.Stdin = stdin
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &server{t: t, cmd: cmd, stdout: bufio.NewReader(stdout)}
	t.Cleanup(s.kill)
	ready, err := s.stdout.ReadByte()
	require.NoError(t, err)
	require.Equal(t, "."[0], ready)
	return s
}

// line returns the next line that it prints, "" at the end.
func (s *server) line() string {
	s.t.Helper()
	line, _ := s.stdout.ReadString('\n')
	return strings.TrimSpace(line)
}

// kill kills it, and waits until it is dead.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}
