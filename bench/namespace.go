// SPDX-License-Identifier: Apache-2.0

package main

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

// inNamespace is set in the environment of the driver once it has mounts of
// its own.
const inNamespace = "MONITOR_BENCH_NAMESPACE"

// niceness of the driver and all it starts, so that what else runs on the
// machine disturbs the figures less.
const niceness = -15

// enterNamespace runs the driver again in a mount namespace, and does not
// return unless it is that one. Cilium's paths are fixed: there they are empty
// and nobody else's, whatever runs on this machine.
func enterNamespace() error {
	if os.Getenv(inNamespace) != "" {
		return errors.Join(raiseSession(), privateMounts())
	}
	runtime.LockOSThread() // the child inherits the niceness of the thread that starts it
	defer runtime.UnlockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, niceness); err != nil {
		return fmt.Errorf("raising the priority: %w", err)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		return fmt.Errorf("entering a mount namespace: %w", err)
	}
	os.Exit(0)
	return nil
}

// raiseSession gives the session of the driver its niceness: where the kernel
// groups tasks by session, that of a process counts only within it.
func raiseSession() error {
	err := os.WriteFile("/proc/self/autogroup", strconv.AppendInt(nil, niceness, 10), 0)
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
