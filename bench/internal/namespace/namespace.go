// SPDX-License-Identifier: Apache-2.0

// Package namespace gives a program mounts of its own, so that an agent with the default paths
// disturbs none that runs on the machine.
package namespace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bench/internal/agentproc"
)

// entered is set in the environment of the program once it has mounts of its own.
const entered = "MONITOR_BENCH_NAMESPACE"

// Enter runs the program again in a mount namespace, and whatever else cloneFlags
// says, and does not return unless it is that one. The agents' default paths are
// empty there, and nobody else's. It and all that it starts have that niceness.
func Enter(niceness int, cloneFlags uintptr) error {
	if os.Getenv(entered) != "" {
		return errors.Join(setSession(niceness), privateMounts())
	}
	runtime.LockOSThread() // the child inherits the niceness of the thread that starts it
	defer runtime.UnlockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, niceness); err != nil {
		return fmt.Errorf("setting the niceness: %w", err)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), entered+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Unshareflags: unix.CLONE_NEWNS | cloneFlags, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		return fmt.Errorf("entering a namespace: %w", err)
	}
	os.Exit(0)
	return nil
}

// setSession gives the session of the program its niceness: where the kernel
// groups tasks by session, that of a process counts only within it.
func setSession(niceness int) error {
	err := os.WriteFile("/proc/self/autogroup", strconv.AppendInt(nil, int64(niceness), 10), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func privateMounts() error {
	for _, m := range []struct{ fs, at, dir string }{
		{"bpf", "/sys/fs/bpf", filepath.Dir(agentproc.EventsMapPath)},
		{"tmpfs", "/var/run", filepath.Dir(agentproc.SocketPath)},
	} {
		if err := unix.Mount(m.fs, m.at, m.fs, 0, ""); err != nil {
			return fmt.Errorf("mounting %s at %s: %w", m.fs, m.at, err)
		}
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}
