// SPDX-License-Identifier: Apache-2.0

//go:build linux

package losses

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/hive/script"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/testns"
)

// network is what a script loses packets in.
type network struct{ client, router, server *host }

// host is a network namespace.
type host struct {
	*testns.Namespace
	t     *testing.T
	inode uint64 // by which events call it
}

func newHost(t *testing.T) *host {
	h := &host{Namespace: testns.New(t), t: t}
	h.Do(func() error {
		var stat unix.Stat_t
		err := unix.Stat("/proc/thread-self/ns/net", &stat)
		h.inode = stat.Ino
		return err
	})
	return h
}

// newNetwork has addresses of its own for the devices, so that frames can be written down, and neighbours that know each other: what a
// script sends is all that there is, but for reports of IPv6's groups.
func newNetwork(t *testing.T) *network {
	n := &network{client: newHost(t), router: newHost(t), server: newHost(t)}
	n.client.Connect("client0", n.router.Namespace, "lan0")
	n.router.Connect("wan0", n.server.Namespace, "server0")
	n.client.setUp("client0", "02:00:00:00:01:02", "10.1.0.2/24", "fd00:1::2/64")
	n.router.setUp("lan0", "02:00:00:00:01:01", "10.1.0.1/24", "fd00:1::1/64")
	n.router.setUp("wan0", "02:00:00:00:02:01", "10.2.0.1/24", "fd00:2::1/64")
	n.server.setUp("server0", "02:00:00:00:02:02", "10.2.0.2/24", "fd00:2::2/64")
	n.client.await("client0", netlink.OperUp)
	n.router.await("lan0", netlink.OperUp)
	n.router.await("wan0", netlink.OperUp)
	n.server.await("server0", netlink.OperUp)
	n.router.sysctl("ipv4/ip_forward", "1")
	n.router.sysctl("ipv6/conf/all/forwarding", "1")
	n.client.must("ip route add default via 10.1.0.1", "ip -6 route add default via fd00:1::1",
		"ip neigh replace 10.1.0.1 lladdr 02:00:00:00:01:01 dev client0",
		"ip neigh replace fd00:1::1 lladdr 02:00:00:00:01:01 dev client0")
	n.router.must("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:01:02 dev lan0",
		"ip neigh replace fd00:1::2 lladdr 02:00:00:00:01:02 dev lan0",
		"ip neigh replace 10.2.0.2 lladdr 02:00:00:00:02:02 dev wan0",
		"ip neigh replace fd00:2::2 lladdr 02:00:00:00:02:02 dev wan0")
	n.server.must("ip route add default via 10.2.0.1", "ip -6 route add default via fd00:2::1",
		"ip neigh replace 10.2.0.1 lladdr 02:00:00:00:02:01 dev server0",
		"ip neigh replace fd00:2::1 lladdr 02:00:00:00:02:01 dev server0")
	return n
}

// setUp has a device ready for use at once.
func (h *host) setUp(device, mac, ipv4, ipv6 string) {
	h.t.Helper()
	h.sysctl("ipv6/conf/"+device+"/accept_dad", "0")
	h.sysctl("ipv6/conf/"+device+"/router_solicitations", "0")
	h.sysctl("ipv4/conf/all/rp_filter", "0")
	h.sysctl("ipv4/conf/"+device+"/rp_filter", "0")
	h.must("ip link set lo up",
		"ip link set "+device+" address "+mac+" up",
		"ip addr add "+ipv4+" dev "+device,
		"ip addr add "+ipv6+" dev "+device+" nodad")
}

// await waits until the kernel has noticed what is with the other end of devices. Before it knows that it is up, a device drops
// what it is given.
func (h *host) await(device string, states ...netlink.LinkOperState) {
	h.t.Helper()
	require.Eventually(h.t, func() (reached bool) {
		h.Do(func() error {
			l, err := netlink.LinkByName(device)
			reached = err == nil && slices.Contains(states, l.Attrs().OperState)
			return err
		})
		return reached
	}, patience, time.Millisecond)
}

func (h *host) sysctl(name, value string) {
	h.t.Helper()
	h.Do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644) })
}

// must runs programs in the namespace.
func (h *host) must(lines ...string) {
	h.t.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		cmd := exec.Command(words[0], words[1:]...)
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		h.Do(func() error {
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s: %w: %s", line, err, &out)
			}
			return nil
		})
	}
}

// command runs a command in the namespace: one of commandsOf, or a program.
func (h *host) command() script.Cmd {
	usage := script.CmdUsage{Summary: "Run a command there", Args: "command [args...]"}
	return script.Command(usage, func(s *script.State, args ...string) (script.WaitFunc, error) {
		if len(args) == 0 {
			return nil, script.ErrUsage
		}
		var (
			stdout, stderr strings.Builder
			err            error
		)
		if builtin := commandsOf[args[0]]; builtin != nil {
			h.Do(func() error { err = builtin(h, args[1:]); return nil })
			if err != nil {
				fmt.Fprintln(&stderr, err)
			}
		} else {
			cmd := exec.CommandContext(s.Context(), args[0], args[1:]...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			h.Do(func() error { err = cmd.Run(); return nil })
			if errors.Is(err, exec.ErrNotFound) {
				require.NoError(h.t, err) // not what a script expects with "!"
			}
		}
		return func(*script.State) (string, string, error) { return stdout.String(), stderr.String(), err }, nil
	})
}
