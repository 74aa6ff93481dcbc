// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"path"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
)

// TestDevicePatterns traces a device that comes after the datapath and matches a pattern, and not the others.
func TestDevicePatterns(t *testing.T) { eachWay(t, testDevicePatterns) }

func testDevicePatterns(t *testing.T, withoutTCX bool) {
	for _, pattern := range []string{"r?gh*", allDevices} {
		left, right := newNamespace(t), newNamespace(t)
		events := eventsPath(t)
		changes := make(chan error, 10)
		d := right.load(Options{
			Devices:        []string{"nothing*", pattern},
			EventsMap:      events,
			DevicesChanged: func(err error) { changes <- err },
			withoutTCX:     withoutTCX,
		})
		rd := readPinned(t, events)
		connect(left, right)
		traced := func(data string) func() bool {
			return func() bool {
				client, server := left.listenUDP(leftIPv4+":5001"), right.listenUDP(rightIPv4+":5002")
				defer client.Close()
				defer server.Close()
				send(t, client, server, data)
				for _, e := range pending(t, rd) {
					if has(eventTrace, 10, data)(e) {
						return true
					}
				}
				return false
			}
		}
		require.Eventually(t, traced("first"), healTime, 50*time.Millisecond)
		var lo, device int
		right.Do(func() error {
			links, err := netlink.LinkList()
			for _, l := range links {
				switch l.Attrs().Name {
				case "lo":
					lo = l.Attrs().Index
				case rightDevice:
					device = l.Attrs().Index
				}
			}
			return err
		})
		require.Eventually(t, func() bool {
			name, _ := d.keeper.nameOf(device)
			return name == rightDevice
		}, healTime, 50*time.Millisecond)
		_, ok := d.keeper.nameOf(lo)
		require.Equal(t, pattern == allDevices, ok)

		// What goes is not missed, and what comes again is traced again.
		right.Do(func() error { return netlink.LinkDel(linkNamed(rightDevice)) })
		require.Eventually(t, func() bool { _, ok := d.keeper.nameOf(device); return !ok }, healTime, 50*time.Millisecond)
		connect(left, right)
		require.Eventually(t, traced("second"), healTime, 50*time.Millisecond)
		require.Empty(t, changes, "no device is missing")
	}
}

func TestDevicePatternsThatAreNone(t *testing.T) {
	ns := newNamespace(t)
	ns.Do(func() error {
		_, err := Load(Options{Devices: []string{"lo", "veth["}, EventsMap: eventsPath(t)})
		require.ErrorIs(t, err, path.ErrBadPattern)
		_, err = Load(Options{Devices: []string{"*", "veth7"}, EventsMap: eventsPath(t)})
		require.True(t, isGone(err), "%v", err)
		return nil
	})
}
