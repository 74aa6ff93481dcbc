// SPDX-License-Identifier: Apache-2.0

package tcpaddr_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/hubble/internal/tcpaddr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOf(t *testing.T) {
	for given, want := range map[string]string{
		"10.0.0.1:80":          "10.0.0.1:80",
		"[::ffff:10.0.0.1]:80": "10.0.0.1:80",
		"[fe80::1%eth0]:443":   "[fe80::1]:443",
	} {
		got, ok := tcpaddr.Of(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(given)))
		require.True(t, ok)
		require.Equal(t, want, got.String())
	}
	_, ok := tcpaddr.Of(&net.UnixAddr{})
	require.False(t, ok)
}
