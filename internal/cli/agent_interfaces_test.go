// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/cilium/monitor/api/session"
)

const altName = "an-alternative-name"

// farAgent is an agent in a network namespace of its own, the device of which has a name and an index
// that no other namespace has.
type farAgent struct {
	*agentProcess
	here *namespace // in which it runs
	sent *net.UDPConn
}

const (
	farDevice = "far0"
	farIndex  = 54321
	farNumber = "54321"
)

func startFarAgent(t *testing.T) *farAgent {
	t.Helper()
	a := &farAgent{agentProcess: &agentProcess{agentPaths: newAgentPaths(t)}, here: newNamespace(t)}
	a.here.Do(func() error {
		link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: farDevice, Index: farIndex}, PeerName: "peer"}
		if err := netlink.LinkAdd(link); err != nil {
			return err
		}
		if err := netlink.LinkAddAltName(link, altName); err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 0, 0, 1).To4(), Mask: net.CIDRMask(24, 32)}}); err != nil {
			return err
		}
		if err := netlink.NeighAdd(&netlink.Neigh{
			LinkIndex: farIndex, State: netlink.NUD_PERMANENT, IP: net.IPv4(10, 0, 0, 2), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 2},
		}); err != nil {
			return err
		}
		a.process = start(t, program(append(a.args(), "--device", farDevice)...))
		return nil
	})
	a.waitShell()
	a.waitStderr("Attached to the events map")
	a.here.Do(func() (err error) {
		a.sent, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9})
		return err
	})
	t.Cleanup(func() { a.sent.Close() })
	// So that those in its group may watch.
	for path := a.socket; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		require.NoError(t, os.Chmod(path, 0o777))
	}
	return a
}

// watch returns a watch for the first packet that the device sends.
func (a *farAgent) watch(args ...string) *exec.Cmd {
	return program(append([]string{"watch", "--monitor-socket-path", a.socket, "-t", "trace", "--port", "9", "--count", "1", "-vv"}, args...)...)
}

// shown starts a watch and sends packets until it has shown one.
func (a *farAgent) shown(watch *exec.Cmd) *process {
	a.t.Helper()
	w := start(a.t, watch)
	for {
		_, err := a.sent.Write([]byte("hello"))
		require.NoError(a.t, err)
		select {
		case <-w.exited:
			w.waitExit(0)
			return w
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestInterfacesOfTheAgent watches from within and without the network namespace of the agent, as
// a user who may enter it and as one who may not.
func TestInterfacesOfTheAgent(t *testing.T) {
	a := startFarAgent(t)
	const named, numbered = ": " + farDevice + ",", ": ifindex " + farNumber + ","
	const cannot = "Network interfaces are shown and found by number only: the agent"

	t.Run("root elsewhere", func(t *testing.T) {
		packets := filepath.Join(t.TempDir(), "packets.pcapng")
		w := a.shown(a.watch("--write", packets))
		require.Contains(t, w.stdout.String(), named)
		require.NotContains(t, w.stderr.String(), cannot)
		require.Equal(t, farDevice, readPackets(t, packets)[0].iface)
		require.Contains(t, a.shown(a.watch("-j")).stdout.String(), `"ifindex":"`+farDevice+`"`)
	})
	t.Run("nobody elsewhere, without names from the agent", func(t *testing.T) { // who may use the API 1.2 only
		w := a.shown(nobody(t, a.watch()))
		require.Contains(t, w.stdout.String(), numbered)
		require.Contains(t, w.stderr.String(), cannot)
		require.Contains(t, a.shown(nobody(t, a.watch("--interface", farNumber))).stdout.String(), numbered)
	})
	t.Run("nobody elsewhere", func(t *testing.T) {
		require.NoError(t, os.Chmod(session.SocketPath(a.socket), 0o777))
		for _, name := range []string{farDevice, altName, farNumber} {
			w := a.shown(nobody(t, a.watch("--interface", name)))
			require.Contains(t, w.stdout.String(), named)
			require.NotContains(t, w.stderr.String(), cannot)
			require.NotContains(t, w.stderr.String(), "No network interface")
		}
	})
	t.Run("nobody here", func(t *testing.T) {
		a.here.Do(func() error {
			w := a.shown(nobody(t, a.watch()))
			require.Contains(t, w.stdout.String(), named)
			require.NotContains(t, w.stderr.String(), cannot)
			return nil
		})
	})
	t.Run("filters", func(t *testing.T) {
		for _, name := range []string{farDevice, altName, farNumber} {
			w := a.shown(a.watch("--interface", name))
			require.Contains(t, w.stdout.String(), named)
			require.NotContains(t, w.stderr.String(), "No network interface")
		}
		w := a.shown(a.watch("--not", "--interface", "far1"))
		require.Contains(t, w.stderr.String(), `No network interface of the agent is called "far1" now; did you mean "far0"?`)
	})
}
