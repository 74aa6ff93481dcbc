// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/shell"
)

// defaultShellSocket is where the agent's shell is, next to the monitor API.
const defaultShellSocket = "/var/run/cilium/monitor-shell.sock"

// reachShell returns an error if no agent answers at the socket of the shell. Hive's
// client would try again for 15 seconds.
func reachShell(path string) error {
	conn, err := net.Dial("unix", path)
	switch {
	case err == nil:
		return conn.Close()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no monitor agent is running at %s (another one: --%s)", path, shell.ShellSockPathName)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("only root may use the shell of the monitor agent at %s: try sudo", path)
	default:
		return fmt.Errorf("connect to the shell of the monitor agent: %w", err)
	}
}

// prepareShellSocket makes the directory of the shell's socket, and keeps hive from
// taking the socket away from another agent.
func prepareShellSocket(lc cell.Lifecycle, cfg shell.Config) {
	path := cfg.ShellSockPath
	if path == "" {
		return
	}
	lc.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			if conn, err := net.Dial("unix", path); err == nil {
				conn.Close()
				return fmt.Errorf("another agent serves --%s=%s", shell.ShellSockPathName, path)
			}
			return os.MkdirAll(filepath.Dir(path), 0o755)
		},
	})
}
