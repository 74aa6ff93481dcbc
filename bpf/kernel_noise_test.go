// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

// closeUnread closes a Unix socket that has something to read.
func (ns *namespace) closeUnread() {
	ns.t.Helper()
	ns.Do(func() error {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		_, err = unix.Write(fds[0], []byte("read this"))
		return errors.Join(err, unix.Close(fds[1]), unix.Close(fds[0]))
	})
}

// TestNoise counts what is no loss to anybody apart, and makes no events of it, unless it is told to.
func TestNoise(t *testing.T) {
	ns := newNamespace(t)
	for _, all := range []bool{false, true} {
		k := watchKernelDrops(ns, KernelDropsOptions{All: all})
		k.subscribe(ns)
		ns.closeUnread()
		ofUnix := func(function string) bool { return strings.HasPrefix(function, "unix_") }

		counts, err := k.Counts()
		require.NoError(t, err)
		var noise, losses uint64
		for _, c := range counts {
			switch {
			case c.Noise && ofUnix(c.Function):
				noise += c.Drops
			case ofUnix(c.Function):
				losses += c.Drops
			}
		}
		require.NotZero(t, noise)
		require.Zero(t, losses)

		ns.flood(1, 1)
		k.await(func(e *api.Event) bool {
			if all {
				return ofUnix(e.KernelDrop.Function)
			}
			require.False(t, ofUnix(e.KernelDrop.Function))
			return e.KernelDrop.Function == closedPort // which came after it
		})
	}
}
