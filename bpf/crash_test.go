// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// childEnv makes the test binary a process that runs a datapath, with its events
// map at the path that the variable holds, until it is killed.
const childEnv = "MONITOR_TEST_EVENTS_MAP"

func childMain(path string) {
	if _, err := Load(Options{Devices: []string{"lo"}, EventsMap: path}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// startChild starts a process that runs a datapath on the lo of a namespace of its own.
func startChild(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	requireRoot(t)
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), childEnv+"="+path)
	child.Stderr = os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		stdin.Close()
		child.Process.Kill()
		child.Wait()
	})
	ready := make([]byte, len("ready\n"))
	_, err = io.ReadFull(stdout, ready)
	require.NoError(t, err)
	return child
}

func TestKilledProcess(t *testing.T) {
	path := eventsPath(t)
	keepDir(t, path)
	child := startChild(t, path)
	id, err := pinnedMapID(path)
	require.NoError(t, err)

	ns := newNamespace(t)
	opts := Options{Devices: []string{"lo"}, EventsMap: path}
	ns.Do(func() error {
		_, err := Load(opts)
		assert.ErrorIs(t, err, ErrPinInUse, "while the process runs")
		return nil
	})

	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	require.Eventually(t, func() bool {
		user, err := programUsing(id)
		require.NoError(t, err)
		return user == 0
	}, 30*time.Second, 10*time.Millisecond, "the kernel unloads the programs of the dead process")
	require.FileExists(t, path, "the pin outlives it")

	var d *Datapath
	ns.Do(func() (err error) {
		d, err = Load(opts)
		return err
	})
	now, err := pinnedMapID(path)
	require.NoError(t, err)
	require.NotEqual(t, id, now)
	require.NoError(t, d.Close())
	require.NoFileExists(t, path)
}
