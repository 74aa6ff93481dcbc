// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package testns makes network namespaces for tests with real traffic. It needs root.
package testns

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Namespace is a network namespace of its own for a test.
type Namespace struct {
	t      *testing.T
	handle netns.NsHandle
}

// New makes a namespace, without any device that is up.
func New(t *testing.T) *Namespace {
	t.Helper()
	ns := &Namespace{t: t}
	ns.thread(func() (err error) {
		ns.handle, err = netns.New()
		return err
	})
	t.Cleanup(func() { ns.handle.Close() })
	return ns
}

// Do runs f on a thread that is in the namespace, and fails the test if it returns an error.
func (ns *Namespace) Do(f func() error) {
	ns.t.Helper()
	ns.thread(func() error {
		if err := netns.Set(ns.handle); err != nil {
			return err
		}
		return f()
	})
}

// thread runs f on a thread that ends with it.
func (ns *Namespace) thread(f func() error) {
	ns.t.Helper()
	result := make(chan error)
	go func() {
		err := errors.New("f ended its goroutine")
		defer func() { result <- err }()
		runtime.LockOSThread()
		err = f()
	}()
	require.NoError(ns.t, <-result)
}

// Connect joins the namespace to a peer with a pair of veth devices, which are down.
func (ns *Namespace) Connect(device string, peer *Namespace, peerDevice string) {
	ns.t.Helper()
	ns.ConnectAt(device, 0, peer, peerDevice)
}

// ConnectAt is Connect with a device of that index, 0 for any.
func (ns *Namespace) ConnectAt(device string, index int, peer *Namespace, peerDevice string) {
	ns.t.Helper()
	ns.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs:     netlink.LinkAttrs{Name: device, Index: index},
			PeerName:      peerDevice,
			PeerNamespace: netlink.NsFd(int(peer.handle)),
		})
	})
}
