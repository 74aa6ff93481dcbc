// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/testutils"
)

const unitFile = "../../deploy/monitor-agent.service"

// unitCapabilities returns the names of those that the systemd unit gives to the agent.
func unitCapabilities(t *testing.T) []string {
	t.Helper()
	unit, err := os.ReadFile(unitFile)
	require.NoError(t, err)
	for line := range strings.Lines(string(unit)) {
		if names, found := strings.CutPrefix(line, "AmbientCapabilities="); found {
			return strings.Fields(names)
		}
	}
	require.Fail(t, "the unit has no AmbientCapabilities=")
	return nil
}

// capabilityNumbers has each that a test gives to an agent.
var capabilityNumbers = map[string]uintptr{
	"CAP_BPF":          unix.CAP_BPF,
	"CAP_PERFMON":      unix.CAP_PERFMON,
	"CAP_NET_ADMIN":    unix.CAP_NET_ADMIN,
	"CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE,
}

// nobody makes a command one of a user with these capabilities and no others.
func nobody(t *testing.T, cmd *exec.Cmd, capabilities ...string) *exec.Cmd {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	for _, name := range capabilities {
		number, known := capabilityNumbers[name]
		require.True(t, known, name)
		cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, number)
	}
	return cmd
}

// newNobodyPaths returns paths whose sockets nobody may make.
func newNobodyPaths(t *testing.T) agentPaths {
	t.Helper()
	a := newPathsOnBPFFS(t)
	for _, socket := range []string{a.socket, a.shell} {
		require.NoError(t, os.Chown(filepath.Dir(socket), 65534, 65534))
	}
	return a
}

// newPathsOnBPFFS returns paths for an agent that can't mount bpffs. The directory of the events
// map belongs to root and is closed to others, as systemd and Cilium have it.
func newPathsOnBPFFS(t *testing.T) agentPaths {
	t.Helper()
	a := newAgentPaths(t)
	keeper, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	require.NoError(t, keeper.Pin(filepath.Join(filepath.Dir(a.eventsMap), "other")))
	t.Cleanup(func() { require.NoError(t, keeper.Close()) })
	require.NoError(t, os.Chmod(filepath.Dir(a.eventsMap), 0o700))
	return a
}

// startNobody starts an agent with the capabilities of the systemd unit.
func (a agentPaths) startNobody(t *testing.T, args ...string) *agentProcess {
	t.Helper()
	p := &agentProcess{agentPaths: a}
	p.process = start(t, nobody(t, program(append(a.args(), args...)...), unitCapabilities(t)...))
	p.waitShell()
	return p
}

// watchLo requires that a watch shows packets of the loopback device.
func (a *agentProcess) watchLo() {
	a.t.Helper()
	w := startMonitor(a.t, "watch", "--monitor-socket-path", a.socket, "-t", "trace", "--protocol", "udp", "--dst-port", "9", "--count", "3") // others send, too
	conn, err := net.Dial("udp", "127.0.0.1:9")                                                                                               // nobody has to listen
	require.NoError(a.t, err)
	defer conn.Close()
	for watched := false; !watched; {
		_, _ = conn.Write([]byte("hello")) // refused, if nobody listens
		select {
		case <-w.exited:
			watched = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	w.waitExit(0)
	require.Contains(a.t, w.stdout.String(), "127.0.0.1:9 udp")
}

// TestUnprivileged runs an agent with the embedded datapath and no more capabilities than
// the systemd unit gives it.
func TestUnprivileged(t *testing.T) {
	a := newNobodyPaths(t).startNobody(t, "--device", "lo")
	a.watchLo()
	a.signal(syscall.SIGTERM)
	a.waitExit(0)
	require.NoFileExists(t, a.eventsMap)
	require.NoFileExists(t, a.socket)
	require.NoFileExists(t, a.shell)
}

// TestUnprivilegedForeignDatapath reads a map that root has pinned.
func TestUnprivilegedForeignDatapath(t *testing.T) {
	paths := newNobodyPaths(t)
	datapath, err := bpf.Load(bpf.Options{Devices: []string{"lo"}, EventsMap: paths.eventsMap})
	require.NoError(t, err)
	defer datapath.Close()
	info, err := os.Stat(paths.eventsMap)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())

	a := paths.startNobody(t)
	a.waitStderr("Attached to the events map")
	a.watchLo()
	a.signal(syscall.SIGTERM)
	a.waitExit(0)
	require.FileExists(t, a.eventsMap)
}

// TestUnprivilegedKilled shows that an agent that was killed starts again, though it may not
// find out whether its old map is in use.
func TestUnprivilegedKilled(t *testing.T) {
	paths := newNobodyPaths(t)
	a := paths.startNobody(t, "--device", "lo")
	a.waitStderr("Attached to the events map")
	a.signal(syscall.SIGKILL)
	a.wait()
	require.FileExists(t, a.eventsMap)

	p := checkNobody(t, paths, "--device", "lo")
	p.waitExit(0)
	require.Regexp(t, `(?m)^note     events map +.* takes over what another one left pinned$`, p.stdout.String())
	a = paths.startNobody(t, "--device", "lo")
	a.waitStderr("Taking over the events map")
	a.watchLo()
	a.signal(syscall.SIGTERM)
	a.waitExit(0)
	require.NoError(t, os.Remove(a.eventsMap), "stays: another agent might use it")
}

// TestUserZero runs an agent of user 0 with the capabilities of the DaemonSet: those of the
// systemd unit but for the one that is not needed by who owns the files.
func TestUserZero(t *testing.T) {
	a := &agentProcess{agentPaths: newPathsOnBPFFS(t)}
	self, err := os.Executable()
	require.NoError(t, err)
	names := slices.DeleteFunc(unitCapabilities(t), func(n string) bool { return n == "CAP_DAC_OVERRIDE" })
	bounding := setprivCapabilities(names)
	args := append([]string{"--no-new-privs", "--inh-caps=-all", "--bounding-set=" + bounding, self}, a.args()...)
	cmd := exec.Command("setpriv", append(args, "--device", "lo")...)
	cmd.Env = programEnv()
	a.process = start(t, cmd)
	a.waitShell()
	a.watchLo()
	a.signal(syscall.SIGTERM)
	a.waitExit(0)
	require.NoFileExists(t, a.eventsMap)
}

// setprivCapabilities returns a set of capabilities as setpriv takes it.
func setprivCapabilities(names []string) string {
	set := "-all"
	for _, name := range names {
		set += ",+" + strings.ToLower(strings.TrimPrefix(name, "CAP_"))
	}
	return set
}
