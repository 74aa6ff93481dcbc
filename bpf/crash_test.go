// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/suppressed"
	"github.com/cilium/monitor/internal/wanted"
)

// childEnv makes the test binary a process that runs a datapath, with its events
// map at the path that the variable holds, until it is killed.
const childEnv = "MONITOR_TEST_EVENTS_MAP"

// childClsactEnv makes it attach its programs as on a kernel without TCX.
const childClsactEnv = "MONITOR_TEST_CLSACT"

func childMain(path string) {
	_, withoutTCX := os.LookupEnv(childClsactEnv)
	if _, err := Load(Options{Devices: []string{"lo"}, EventsMap: path, withoutTCX: withoutTCX}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// unprivileged is a user that may run a datapath, but not see all BPF programs.
func unprivileged() syscall.SysProcAttr {
	return syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		AmbientCaps: []uintptr{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_NET_ADMIN, unix.CAP_DAC_OVERRIDE},
	}
}

// startChild starts a process that runs a datapath on the lo of a namespace of its own.
func startChild(t *testing.T, path string, attr syscall.SysProcAttr) *exec.Cmd {
	t.Helper()
	child, said := tryChild(t, path, attr)
	require.Equal(t, "ready\n", said)
	return child
}

// tryChild is startChild for a process that might fail, and returns what it says.
func tryChild(t *testing.T, path string, attr syscall.SysProcAttr) (*exec.Cmd, string) {
	t.Helper()
	attr.Cloneflags = syscall.CLONE_NEWNET
	child := newChild(t, path, attr)
	return child.Cmd, child.start()
}

type child struct {
	*exec.Cmd
	t *testing.T
}

func newChild(t *testing.T, path string, attr syscall.SysProcAttr) child {
	t.Helper()
	requireRoot(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+path, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &attr
	return child{cmd, t}
}

// start returns what the process says first.
func (c child) start() string {
	c.t.Helper()
	stdin, err := c.StdinPipe()
	require.NoError(c.t, err)
	stdout, err := c.StdoutPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, c.Start())
	c.t.Cleanup(func() {
		stdin.Close()
		c.Process.Kill()
		c.Wait()
	})
	said, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(c.t, err)
	return said
}

// startClsactChild starts a process that runs a datapath on the namespace's lo, attached as on
// a kernel without TCX.
func (ns *namespace) startClsactChild(path string) *exec.Cmd {
	ns.t.Helper()
	c := newChild(ns.t, path, syscall.SysProcAttr{})
	c.Env = append(c.Env, childClsactEnv+"=")
	ns.Do(func() error {
		require.Equal(ns.t, "ready\n", c.start())
		return nil
	})
	return c.Cmd
}

func kill(t *testing.T, child *exec.Cmd) {
	t.Helper()
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
}

func TestKilledProcess(t *testing.T) {
	path := eventsPath(t)
	keepDir(t, path)
	child := startChild(t, path, syscall.SysProcAttr{})
	id, err := pinnedMapID(path)
	require.NoError(t, err)

	ns := newNamespace(t)
	opts := Options{Devices: []string{"lo"}, EventsMap: path}
	ns.Do(func() error {
		_, err := Load(opts)
		assert.ErrorIs(t, err, ErrPinInUse, "while the process runs")
		assert.ErrorIs(t, CheckPin(path), ErrPinInUse)
		return nil
	})

	kill(t, child)
	require.Eventually(t, func() bool {
		user, err := programUsing(id)
		require.NoError(t, err)
		return user == 0
	}, 30*time.Second, 10*time.Millisecond, "the kernel unloads the programs of the dead process")
	require.FileExists(t, path, "the pin outlives it")
	require.NoError(t, CheckPin(path))

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

// TestKilledProcessWithoutSysAdmin has a process that can't tell whether a map is in use
// come after one that was killed, and after another map.
func TestKilledProcessWithoutSysAdmin(t *testing.T) {
	path := eventsPath(t)
	keepDir(t, path)
	t.Cleanup(func() {
		require.NoError(t, errors.Join(os.RemoveAll(path), os.RemoveAll(path+wanted.Suffix), os.RemoveAll(path+suppressed.Suffix)))
	})
	kill(t, startChild(t, path, unprivileged()))
	id, err := pinnedMapID(path)
	require.NoError(t, err)

	kill(t, startChild(t, path, unprivileged()))
	now, err := pinnedMapID(path)
	require.NoError(t, err)
	require.Equal(t, id, now, "taken over")

	require.NoError(t, os.Remove(path))
	other, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, other.Pin(path))
	_, said := tryChild(t, path, unprivileged())
	require.Contains(t, said, "take over the map pinned at "+path+": "+ErrPinInUse.Error())
	require.FileExists(t, path)

	// As Cilium's.
	require.NoError(t, os.Remove(path))
	cilium, err := ebpf.NewMap(&ebpf.MapSpec{Name: "cilium_events", Type: ebpf.PerfEventArray, KeySize: 4, ValueSize: 4, MaxEntries: uint32(ebpf.MustPossibleCPU())})
	require.NoError(t, err)
	defer cilium.Close()
	require.NoError(t, cilium.Pin(path))
	_, said = tryChild(t, path, unprivileged())
	require.Contains(t, said, `it is "cilium_events", not a map that a datapath of this kind left behind`)
}
