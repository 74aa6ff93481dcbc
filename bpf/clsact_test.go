// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const loIndex = 1 // of lo, in each network namespace

// eachWay runs a test with programs that are attached as on this kernel, and as on one
// without TCX.
func eachWay(t *testing.T, test func(t *testing.T, withoutTCX bool)) {
	t.Run("default", func(t *testing.T) { test(t, false) })
	t.Run("clsact", func(t *testing.T) { test(t, true) })
}

// addOtherFilter adds a filter as others would to lo, at the place where ours are.
func addOtherFilter(prog *ebpf.Program) error {
	if _, err := addClsact(loIndex); err != nil {
		return err
	}
	return netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: loIndex, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Priority: filterPriority, Protocol: unix.ETH_P_ALL,
		},
		Fd: prog.FD(), Name: "other", DirectAction: true,
	})
}

// filterNames returns the names of the filters on the namespace's lo.
func (ns *namespace) filterNames() (names []string) {
	ns.t.Helper()
	ns.Do(func() error {
		for _, parent := range filterParents {
			filters, err := bpfFilters(loIndex, parent)
			if err != nil {
				return err
			}
			for _, f := range filters {
				names = append(names, f.Name)
			}
		}
		return nil
	})
	return names
}

func (ns *namespace) hasClsact() (has bool) {
	ns.t.Helper()
	ns.Do(func() error {
		qdiscs, err := netlink.QdiscList(linkOf(loIndex))
		has = slices.ContainsFunc(qdiscs, func(q netlink.Qdisc) bool { return q.Type() == clsactType })
		return err
	})
	return has
}

// TestClsactOfOthers shows that filters of others stay, and the qdisc with them, whoever
// made it.
func TestClsactOfOthers(t *testing.T) {
	for _, first := range []string{"theirs", "ours"} {
		t.Run(first+" first", func(t *testing.T) {
			ns := newNamespace(t)
			other := newDropProgram(t)
			load := func() (d *Datapath) {
				ns.Do(func() (err error) {
					d, err = Load(Options{Devices: []string{"lo"}, EventsMap: eventsPath(t), withoutTCX: true})
					return err
				})
				return d
			}
			if first == "theirs" {
				ns.Do(func() error { return addOtherFilter(other) })
				defer func() { require.True(t, ns.hasClsact()) }()
			}
			d := load()
			if first == "ours" {
				ns.Do(func() error { return addOtherFilter(other) })
			}
			require.NoError(t, d.Close())
			require.Equal(t, []string{"other"}, ns.filterNames())
		})
	}
}

func TestClsactRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func() error
		want    string
	}{
		"ingress qdisc": {
			func() error {
				return netlink.QdiscAdd(&netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: loIndex, Parent: netlink.HANDLE_INGRESS, Handle: netlink.MakeHandle(0xffff, 0)}})
			},
			"it has an ingress qdisc in the place of clsact",
		},
		"another kind of filter": {
			func() error {
				if _, err := addClsact(loIndex); err != nil {
					return err
				}
				return netlink.FilterAdd(&netlink.BpfFilter{
					FilterAttrs: netlink.FilterAttrs{LinkIndex: loIndex, Parent: netlink.HANDLE_MIN_EGRESS, Handle: 1, Priority: filterPriority, Protocol: unix.ETH_P_IP},
					Fd:          newDropProgram(t).FD(), Name: "other", DirectAction: true,
				})
			},
			"is there one of another kind at priority 1?",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ns := newNamespace(t)
			ns.Do(test.prepare)
			before := ns.filterNames()
			ns.Do(func() error {
				_, err := Load(Options{Devices: []string{"lo"}, EventsMap: eventsPath(t), withoutTCX: true})
				assert.ErrorContains(t, err, `attach to device "lo": `)
				assert.ErrorContains(t, err, test.want)
				return nil
			})
			assert.Equal(t, before, ns.filterNames())
		})
	}
}

// TestKilledProcessWithClsact has a datapath come after one that was killed, whose
// filters are still there: those of a datapath that runs stay.
func TestKilledProcessWithClsact(t *testing.T) {
	ns := newNamespace(t)
	path := eventsPath(t)
	keepDir(t, path)
	alive := ns.load(Options{Devices: []string{"lo"}, EventsMap: eventsPath(t), withoutTCX: true})
	require.NotNil(t, alive)
	ofAlive := ns.filterNames()

	child := ns.startClsactChild(path)
	ns.Do(func() error {
		assert.ErrorIs(t, CheckPin(path), ErrPinInUse, "while the process runs")
		return nil
	})
	kill(t, child)
	left := ns.filterNames()
	require.Len(t, left, 4)
	ns.Do(func() error {
		assert.NoError(t, CheckPin(path))
		return nil
	})
	require.Equal(t, left, ns.filterNames(), "a check changes nothing")

	ns.Do(func() error {
		d, err := Load(Options{Devices: []string{"lo"}, EventsMap: path, withoutTCX: true})
		if err != nil {
			return err
		}
		now := ns.filterNames()
		assert.Len(t, now, 4)
		assert.Subset(t, now, ofAlive)
		for _, name := range left {
			assert.Equal(t, slices.Contains(ofAlive, name), slices.Contains(now, name))
		}
		return d.Close()
	})
	require.Equal(t, ofAlive, ns.filterNames())
	require.NoFileExists(t, path)
}

// TestLeftoversOnOtherDevices has the next datapath trace another device: nothing stays on
// the one before.
func TestLeftoversOnOtherDevices(t *testing.T) {
	left, right := veth(t)
	path := eventsPath(t)
	keepDir(t, path)
	kill(t, right.startClsactChild(path))
	require.True(t, right.hasClsact())

	right.load(Options{Devices: []string{rightDevice}, EventsMap: path, withoutTCX: true})
	require.Empty(t, right.filterNames())
	require.False(t, right.hasClsact(), "the killed one made it")
	rd := readPinned(t, path)
	client, server := left.listenUDP(leftIPv4+":5001"), right.listenUDP(rightIPv4+":5002")
	send(t, client, server, "hello")
	awaitEvent(t, rd, has(eventTrace, 10, "hello"))
}

// TestStrangerIsNoOwner has another user take the name of a killed datapath.
func TestStrangerIsNoOwner(t *testing.T) {
	ns := newNamespace(t)
	path := eventsPath(t)
	keepDir(t, path)
	kill(t, ns.startClsactChild(path))
	owner, _, ok := parseFilterName(ns.filterNames()[0])
	require.True(t, ok)
	require.True(t, strings.HasPrefix(owner, ownerPrefix+"0/"))

	listen := func() net.Listener {
		var l net.Listener
		ns.Do(func() (err error) {
			l, err = net.Listen("unix", "@"+owner)
			return err
		})
		return l
	}
	requireAlive := func(want bool) {
		ns.Do(func() error {
			alive, err := ownerAlive(owner)
			assert.Equal(t, want, alive)
			return err
		})
	}
	requireAlive(false)
	l := listen()
	requireAlive(true)
	require.NoError(t, l.Close())

	// The credentials are those of the thread that listens.
	ns.Do(func() error {
		if _, _, err := syscall.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 65534, ^uintptr(0)); err != 0 {
			return err
		}
		var err error
		l, err = net.Listen("unix", "@"+owner)
		return err
	})
	defer l.Close()
	requireAlive(false)
	ns.load(Options{Devices: []string{"lo"}, EventsMap: path, withoutTCX: true})
	require.Len(t, ns.filterNames(), 2)
}

// TestFiltersAreAddedAgain has somebody remove the filters, and the qdisc.
func TestFiltersAreAddedAgain(t *testing.T) {
	ns := newNamespace(t)
	ns.load(Options{Devices: []string{"lo"}, EventsMap: eventsPath(t), withoutTCX: true})
	for name, remove := range map[string]func() error{
		"one filter": func() error {
			filters, err := bpfFilters(loIndex, netlink.HANDLE_MIN_EGRESS)
			if err != nil {
				return err
			}
			return removeFilter(filters[0])
		},
		"qdisc": func() error { return netlink.QdiscDel(clsactOf(loIndex)) },
	} {
		t.Run(name, func(t *testing.T) {
			ns.Do(remove)
			require.Eventually(t, func() bool { return len(ns.filterNames()) == 2 }, 30*time.Second, 10*time.Millisecond)
		})
	}
}
