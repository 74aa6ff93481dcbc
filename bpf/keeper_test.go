// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// healTime is how long the datapath may take to notice; machines are slow at times.
const healTime = 30 * time.Second

// awaitChange waits until what is wrong with devices, or that nothing is, is reported, and returns it. Other reports may come
// before it: of a change that is over, or on the way.
func awaitChange(t *testing.T, changes <-chan error, is func(error) bool) error {
	t.Helper()
	timeout := time.After(healTime)
	for {
		select {
		case err := <-changes:
			if is(err) {
				return err
			}
		case <-timeout:
			require.Fail(t, "no such change of the devices was reported")
		}
	}
}

func isWell(err error) bool { return err == nil }

// isMissing tells whether the right device, which is reported, is missing.
func isMissing(err error) bool {
	return err != nil && strings.Contains(err.Error(), `device "`+rightDevice+`": Link not found`)
}

// TestDeviceIsMadeAgain deletes a device and makes it again, and renames it.
func TestDeviceIsMadeAgain(t *testing.T) { eachWay(t, testDeviceIsMadeAgain) }

func testDeviceIsMadeAgain(t *testing.T, withoutTCX bool) {
	left, right := veth(t)
	path := eventsPath(t)
	changes := make(chan error, 10)
	right.load(Options{
		Devices:        []string{"lo", rightDevice},
		EventsMap:      path,
		DevicesChanged: func(err error) { changes <- err },
		withoutTCX:     withoutTCX,
	})
	rd := readPinned(t, path)
	requireTraced := func(data string) {
		t.Helper()
		client, server := left.listenUDP(leftIPv4+":5001"), right.listenUDP(rightIPv4+":5002")
		defer client.Close()
		defer server.Close()
		send(t, client, server, data)
		awaitEvent(t, rd, has(eventTrace, 10, data))
	}
	requireTraced("first")

	for _, data := range []string{"second", "third"} {
		right.Do(func() error { return netlink.LinkDel(linkNamed(rightDevice)) })
		err := awaitChange(t, changes, isMissing)
		require.NotContains(t, err.Error(), `"lo"`)

		connect(left, right)
		awaitChange(t, changes, isWell)
		requireTraced(data)
	}

	// Made again so fast that nobody sees it missing.
	right.Do(func() error { return netlink.LinkDel(linkNamed(rightDevice)) })
	connect(left, right)
	require.Eventually(t, func() bool {
		client, server := left.listenUDP(leftIPv4+":5001"), right.listenUDP(rightIPv4+":5002")
		defer client.Close()
		defer server.Close()
		send(t, client, server, "fast")
		for _, e := range pending(t, rd) {
			if has(eventTrace, 10, "fast")(e) {
				return true
			}
		}
		return false
	}, healTime, 50*time.Millisecond)

	rename := func(from, to string) {
		right.Do(func() error {
			l, err := netlink.LinkByName(from)
			if err != nil {
				return err
			}
			return netlink.LinkSetName(l, to)
		})
	}
	for len(changes) > 0 { // that it was missing after all
		<-changes
	}
	right.Do(func() error { return netlink.LinkSetDown(linkNamed(rightDevice)) }) // as older kernels need
	rename(rightDevice, "renamed")
	awaitChange(t, changes, isMissing)
	rename("renamed", rightDevice)
	awaitChange(t, changes, isWell)
}

func linkNamed(name string) netlink.Link {
	return &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: name}}
}

// TestDeviceGoesWhileItIsAttachedTo attaches to a device that is not there any more.
func TestDeviceGoesWhileItIsAttachedTo(t *testing.T) { eachWay(t, testDeviceGoesWhileItIsAttachedTo) }

func testDeviceGoesWhileItIsAttachedTo(t *testing.T, withoutTCX bool) {
	objects := loadAll(t)
	ns := newNamespace(t)
	ns.Do(func() error {
		k := &keeper{opts: &Options{withoutTCX: withoutTCX}, programs: &objects.hostPrograms}
		_, err := k.attach(device{name: "gone0", index: 12345})
		assert.ErrorIs(t, err, unix.ENODEV)
		assert.True(t, isGone(err))
		return k.detach()
	})

	// The datapath starts all the same.
	var lost error
	ns.Do(func() error {
		k, err := startKeeper(&Options{
			Devices:        []string{"lo", "gone0"},
			DevicesChanged: func(err error) { lost = err },
			withoutTCX:     withoutTCX,
		}, &objects.hostPrograms, objects.Traffic)
		if err != nil {
			return err
		}
		assert.ErrorContains(t, lost, `device "gone0"`)
		return k.stop()
	})
}

// TestLinksAreAttachedAgain has somebody detach the programs.
func TestLinksAreAttachedAgain(t *testing.T) {
	ns := newNamespace(t)
	path := eventsPath(t)
	d := ns.load(Options{Devices: []string{"lo"}, EventsMap: path})
	tcx, ok := d.keeper.attachments[loIndex].(*tcx)
	if !ok {
		return // a kernel without TCX, and without links
	}
	rd := readPinned(t, path)
	for _, l := range tcx.links {
		require.NoError(t, l.(interface{ Detach() error }).Detach())
	}
	client, server := ns.listenUDP("127.0.0.1:5001"), ns.listenUDP("127.0.0.1:5002")
	require.Eventually(t, func() bool {
		send(t, client, server, "hello")
		return len(pending(t, rd)) > 0
	}, healTime, 50*time.Millisecond)
}
