// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
)

// TestMissingDevice deletes a device that is traced, and makes it again: both is told where people look.
func TestMissingDevice(t *testing.T) {
	client, server := vethPair(t)
	var a *agentProcess
	server.Do(func() error {
		a = startAgent(t, "--device", device)
		return nil
	})
	a.waitStderr("Attached to the events map")
	watch := startMonitor(t, "watch", "--monitor-socket-path", a.socket)
	watch.waitStderr("Connected to the agent")

	server.Do(func() error {
		link, err := netlink.LinkByName(device)
		require.NoError(t, err)
		return netlink.LinkDel(link)
	})
	watch.waitStderr(`source events-map: Events may be missing: device "` + device + `"`)
	p := run(t, "status", "--probe", "--shell-sock-path", a.shell)
	p.waitExit(exitUnwell)
	p.waitStderr(`reader.events-map: Events may be missing: device "` + device + `"`)

	client.Connect(device, server.Namespace, device)
	watch.waitStderr("source events-map: it is read again")
	run(t, "status", "--probe", "--shell-sock-path", a.shell).waitExit(0)
}
