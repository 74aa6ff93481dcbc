// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/testutils"
)

// dropsProcess is monitor drops in a namespace.
func dropsProcess(t *testing.T, ns *namespace, args ...string) (p *process, tmp string) {
	t.Helper()
	tmp = t.TempDir()
	return dropsProcessIn(t, ns, tmp, args...), tmp
}

// dropsProcessIn is one that has its temporary files in a directory.
func dropsProcessIn(t *testing.T, ns *namespace, tmp string, args ...string) (p *process) {
	t.Helper()
	cmd := program(append([]string{"drops"}, args...)...)
	cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
	ns.Do(func() error {
		p = start(t, cmd)
		return nil
	})
	return p
}

// sendTo sends datagrams from a namespace to a port until a condition holds.
func sendTo(ns *namespace, address string, until func() bool) {
	ns.t.Helper()
	waitUntil(ns.t, func() bool {
		ns.Do(func() error {
			conn, err := net.Dial("udp", address)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, _ = conn.Write([]byte("hello")) // which may be refused, as the one before was
			return nil
		})
		return until()
	}, "%s: it never came", address)
}

// TestDrops watches the kernel without an agent, and leaves nothing behind.
func TestDrops(t *testing.T) {
	client, server := vethPair(t)
	for _, end := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP} {
		absent := filepath.Join(t.TempDir(), "none.sock")
		p, tmp := dropsProcess(t, server, "--monitor-socket-path", absent, "--device", device, "--dst-ip", serverIPv4)
		p.waitStderr("Watching what the kernel drops")
		sendTo(client, net.JoinHostPort(serverIPv4, "9"), func() bool {
			return strings.Contains(p.stdout.String(), " -> 10.0.0.2:9 udp: NO_SOCKET, eth0, ingress, in __udp4_lib_rcv\n")
		})
		p.signal(end)
		p.waitExit(0)
		left, err := os.ReadDir(tmp)
		require.NoError(t, err)
		require.Empty(t, left)
		require.NoFileExists(t, absent)
		require.NotContains(t, p.stderr.String(), "Connected", "the agent is nobody's business")
	}
}

// TestDropsOfLaterDevices shows drops of devices that match a pattern and come later, and not those of others.
func TestDropsOfLaterDevices(t *testing.T) {
	client, server := vethPair(t)
	p, _ := dropsProcess(t, server, "--monitor-socket-path", filepath.Join(t.TempDir(), "none.sock"), "--device", "other,late*", "--dst-ip", "10.0.0.0/8")
	p.waitStderr("Watching what the kernel drops")
	require.NotContains(t, p.stderr.String(), "late*", "a pattern is not missing")
	server.Connect("late7", client.Namespace, "late7peer")
	up := func(ns *namespace, name, ip string) {
		ns.Do(func() error {
			link, err := netlink.LinkByName(name)
			if err != nil {
				return err
			}
			address := net.IPNet{IP: net.ParseIP(ip).To4(), Mask: net.CIDRMask(24, 32)}
			if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: &address, Flags: unix.IFA_F_NODAD}); err != nil {
				return err
			}
			return netlink.LinkSetUp(link)
		})
	}
	up(server, "late7", "10.7.0.2")
	up(client, "late7peer", "10.7.0.1")
	sendTo(client, "10.7.0.2:9", func() bool {
		sendTo(client, net.JoinHostPort(serverIPv4, "9"), func() bool { return true })
		return strings.Contains(p.stdout.String(), " -> 10.7.0.2:9 udp: NO_SOCKET, late7")
	})
	p.signal(syscall.SIGTERM)
	p.waitExit(0)
	require.NotContains(t, p.stdout.String(), serverIPv4+":9")
}

// TestDropsOfAgent asks an agent that tells what the kernel drops, and does it itself beside one that does not.
func TestDropsOfAgent(t *testing.T) {
	client, server := vethPair(t)
	for _, c := range []struct {
		args []string
		said string
	}{
		{[]string{"--kernel-drops"}, "Connected to the agent at "},
		{nil, "does not tell what the kernel drops (its --kernel-drops): this does."},
	} {
		socket := testutils.SocketPath(t)
		a := startMonitor(t, append([]string{"agent", "--monitor-socket-path", socket, "--monitor-events-map", testutils.EventsMapPath(t)}, c.args...)...)
		waitUntil(t, func() bool { return reachShell(shellSocketBeside(socket)) == nil })
		p, _ := dropsProcess(t, server, "--monitor-socket-path", socket, "--dst-ip", serverIPv4, "--dst-port", "9", "--drop-reason", "NO_SOCKET", "--count", "1", "-vv")
		p.waitStderr(c.said)
		sendTo(client, net.JoinHostPort(serverIPv4, "9"), func() bool {
			select {
			case <-p.exited:
				return true
			default:
				return false
			}
		})
		p.waitExit(0)
		require.Regexp(t, `DROP .* NO_SOCKET, eth0.*\nWhy\tNobody receives this: `, p.stdout.String())
		a.signal(syscall.SIGTERM)
		a.waitExit(0)
	}
}

// TestDropsBesideOthers watches the kernel beside an agent that only has the socket of the monitor API, and claims nothing of it.
func TestDropsBesideOthers(t *testing.T) {
	_, server := vethPair(t)
	socket := testutils.SocketPath(t)
	other, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer other.Close()
	p, _ := dropsProcess(t, server, "--monitor-socket-path", socket)
	p.waitStderr("Watching what the kernel drops")
	require.Contains(t, p.stderr.String(), " can't be asked whether it tells what the kernel drops (its --kernel-drops): this does.")
	p.signal(syscall.SIGTERM)
	p.waitExit(0)
}

// TestDropsNotPossible says what is missing.
func TestDropsNotPossible(t *testing.T) {
	const absent = "/nonexistent/none.sock"
	p := start(t, nobody(t, program("drops", "--monitor-socket-path", absent), "CAP_BPF"))
	p.requireFailure(exitFailed, "to watch what the kernel drops takes root, or CAP_BPF and CAP_PERFMON: this process lacks CAP_PERFMON")

	cmd := program("drops", "--monitor-socket-path", absent)
	cmd.Env = append(cmd.Env, "TMPDIR="+absent)
	p = start(t, cmd)
	p.requireFailure(exitFailed, "make a directory for the sockets: ")
}

// TestDropsTwoSignals ends at once by the second signal, and leaves no sockets either.
func TestDropsTwoSignals(t *testing.T) {
	_, server := vethPair(t)
	p, tmp := dropsProcess(t, server, "--monitor-socket-path", filepath.Join(t.TempDir(), "none.sock"))
	p.waitStderr("Watching what the kernel drops")
	p.signal(syscall.SIGINT)
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		require.ErrorIs(t, err, os.ErrProcessDone) // by the first one alone
	}
	p.wait()
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestDropsKilled removes what one left behind that was killed, and not what one needs that runs, or what is somebody else's.
func TestDropsKilled(t *testing.T) {
	_, server := vethPair(t)
	tmp := t.TempDir()
	left := func() []string {
		t.Helper()
		paths, err := filepath.Glob(filepath.Join(tmp, "monitor-drops-*"))
		require.NoError(t, err)
		return paths
	}
	watch := func() *process {
		t.Helper()
		p := dropsProcessIn(t, server, tmp, "--monitor-socket-path", filepath.Join(tmp, "none.sock"))
		p.waitStderr("Watching what the kernel drops")
		return p
	}
	strangers := filepath.Join(tmp, "monitor-drops-1")
	require.NoError(t, os.Mkdir(strangers, 0o700))
	require.NoError(t, os.Chown(strangers, 65534, 65534))
	running := watch()
	needed := left()
	require.Len(t, needed, 2)

	killed := watch()
	require.Len(t, left(), 3)
	killed.signal(syscall.SIGKILL)
	killed.wait()
	require.Len(t, left(), 3)

	next := watch()
	require.Len(t, left(), 3)
	require.Subset(t, left(), needed)
	for _, p := range []*process{next, running} {
		p.signal(syscall.SIGTERM)
		p.waitExit(0)
	}
	require.Equal(t, []string{strangers}, left())
}

// TestDropsOfNothing says what there is not: a past that somebody kept, and a device.
func TestDropsOfNothing(t *testing.T) {
	_, server := vethPair(t)
	p, _ := dropsProcess(t, server, "--monitor-socket-path", filepath.Join(t.TempDir(), "none.sock"), "--last", "10", "--device", "nosuch,late*")
	p.waitStderr("No agent runs that kept what the kernel dropped before (monitor agent --kernel-drops): this begins now")
	p.waitStderr(`No network interface here is called "nosuch" now`)
	require.NotContains(t, p.stderr.String(), "late*")
	p.signal(syscall.SIGINT)
	p.waitExit(0)
}

func TestDropsWrong(t *testing.T) {
	p := run(t, "drops", "--device", "eth[")
	p.requireFailure(exitUsage, "pattern")
	p = run(t, "drops", "--not")
	p.requireFailure(exitUsage, "--not needs a filter flag")
}
