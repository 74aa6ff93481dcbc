// SPDX-License-Identifier: Apache-2.0

package main

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

// clientsGroup is the group that the monitor's socket is given to, if there is one.
const clientsGroup = "cilium"

func socketNeeds(h held, s *settings) (needs []need) {
	if s.Server.EnableMonitor {
		needs = append(needs, socketNeed("monitor socket", s.Server.MonitorSocketPath, flagSocket))
		needs = append(needs, groupNeed(h)...)
	}
	if s.Shell.ShellSockPath != "" {
		needs = append(needs, socketNeed("shell socket", s.Shell.ShellSockPath, shell.ShellSockPathName))
	}
	return needs
}

func socketNeed(what, path, flag string) need {
	n := need{what: what, state: stateOK, about: path}
	err := writable(path)
	if info, statErr := os.Lstat(path); statErr == nil {
		if info.Mode().Type() != fs.ModeSocket {
			err = fmt.Errorf("%s exists and is not a socket", path)
		} else if servedErr := agent.CheckSocket(path); servedErr != nil {
			n.state = stateMissing
			n.about = fmt.Sprintf("%s: %v", path, servedErr)
			n.how = []string{"stop that one, or choose another socket: --" + flag}
			return n
		}
	}
	if err != nil {
		n.state = stateMissing
		n.about = err.Error()
		n.how = []string{fmt.Sprintf("give user %d a directory to write to: --%s", os.Geteuid(), flag)}
		if errors.Is(err, unix.EACCES) {
			n.how = append(n.how, "or CAP_DAC_OVERRIDE")
		}
	}
	return n
}

// groupNeed returns a need only if it is missing: there may be no such group.
func groupNeed(h held) []need {
	group, err := user.LookupGroup(clientsGroup)
	if err != nil {
		return nil
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return nil
	}
	mine, _ := os.Getgroups()
	if gid == os.Getegid() || slices.Contains(mine, gid) || h.has(unix.CAP_CHOWN) {
		return nil
	}
	return []need{{
		what: "group " + clientsGroup, state: stateMissing, about: "the agent can't give its socket to the group, as it is not in it",
		how: []string{"usermod -aG " + clientsGroup + " USER", "systemd: Group=" + clientsGroup},
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
