// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// shellTimeout is how long the agent may take to answer all that a command asks.
const shellTimeout = 5 * time.Second

// shellClient asks the agent's shell. As opposed to hive's client it does not wait for an agent
// that does not run, nor for ever for an answer.
type shellClient struct {
	conn  net.Conn
	lines *bufio.Reader
}

// dialShell connects to the shell at path. The caller has to close the connection.
func dialShell(path string) (*shellClient, error) {
	conn, err := net.DialTimeout("unix", path, shellTimeout)
	switch {
	case err == nil:
		c := &shellClient{conn, bufio.NewReader(conn)}
		if err := conn.SetDeadline(time.Now().Add(shellTimeout)); err != nil {
			return nil, errors.Join(err, c.close())
		}
		return c, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, noAgentError(fmt.Errorf("no monitor agent is running at %s (another one: --%s)", path, flagSocket))
	case errors.Is(err, fs.ErrPermission):
		return nil, noAgentError(fmt.Errorf("only root may use the shell of the monitor agent at %s: try sudo", path))
	default:
		return nil, fmt.Errorf("connect to the shell of the monitor agent: %w", err)
	}
}

// reachShell returns an error if no agent answers at the socket of the shell. Hive's
// client would try again for 15 seconds.
func reachShell(path string) error {
	c, err := dialShell(path)
	if err != nil {
		return err
	}
	return c.close()
}

// ask returns what a command prints.
func (c *shellClient) ask(command string) (string, error) {
	text, err := c.exchange(command)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("no answer within %s", shellTimeout)
	case errors.Is(err, io.EOF):
		err = errors.New("it hung up")
	}
	if err != nil {
		return "", fmt.Errorf("ask the agent for %s: %w", command, err)
	}
	return text, nil
}

func (c *shellClient) exchange(command string) (string, error) {
	if _, err := fmt.Fprintln(c.conn, command); err != nil {
		return "", err
	}
	var text strings.Builder
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimSuffix(line, "\n")
		if before, ended := strings.CutSuffix(line, shellEnd); ended {
			return text.String() + before, nil
		}
		if before, failed := strings.CutSuffix(line, shellError); failed {
			return "", errors.New(before)
		}
		if line != "[stdout]" && line != "[stderr]" { // from where it is
			text.WriteString(line + "\n")
		}
	}
}

func (c *shellClient) close() error { return c.conn.Close() }
