// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cilium/hive/shell"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
)

func socketRequirements(caps capabilitySet, s *settings) (requirements []requirement) {
	if s.Server.EnableMonitor {
		requirements = append(requirements, socketRequirement("monitor socket", s.Server.MonitorSocketPath, flagSocket))
		requirements = append(requirements, groupRequirement(caps)...)
	}
	if s.Shell.ShellSockPath != "" {
		requirements = append(requirements, socketRequirement("shell socket", s.Shell.ShellSockPath, shell.ShellSockPathName))
	}
	return requirements
}

func socketRequirement(name, path, flag string) requirement {
	r := requirement{name: name, state: stateOK, detail: path}
	var unseen *fs.PathError // which writable tells more of
	if err := agent.CheckSocket(path); err != nil && !errors.As(err, &unseen) {
		r.state = stateMissing
		r.detail = fmt.Sprintf("%s: %v", path, err)
		r.remedies = []string{"choose another socket: --" + flag + ", or stop what serves this one"}
		return r
	}
	if err := writable(path); err != nil {
		r.state = stateMissing
		r.detail = err.Error()
		r.remedies = []string{fmt.Sprintf("give user %d a directory to write to: --%s", os.Geteuid(), flag)}
		if errors.Is(err, unix.EACCES) {
			r.remedies = append(r.remedies, "or CAP_DAC_OVERRIDE")
		}
	}
	return r
}

// groupRequirement returns a requirement only if it is missing: there may be no such group.
func groupRequirement(caps capabilitySet) []requirement {
	group, err := user.LookupGroup(agent.SocketGroup)
	if err != nil {
		return nil
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return nil
	}
	mine, _ := os.Getgroups()
	if gid == os.Getegid() || slices.Contains(mine, gid) || caps.has(unix.CAP_CHOWN) {
		return nil
	}
	return []requirement{{
		name: "group " + agent.SocketGroup, state: stateMissing, detail: "the agent can't give its socket to the group, as it is not in it",
		remedies: []string{"usermod -aG " + agent.SocketGroup + " USER", "systemd: Group=" + agent.SocketGroup},
	}}
}

// writable returns an error if this process can't make a file at path, or a directory on
// the way to it.
func writable(path string) error {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		// The dot makes a file in place of the directory an error.
		err := unix.Faccessat(unix.AT_FDCWD, dir+"/.", unix.W_OK|unix.X_OK, unix.AT_EACCESS)
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return &fs.PathError{Op: "write to", Path: dir, Err: err}
		}
	}
}
