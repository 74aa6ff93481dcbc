// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestParseFunction has what kernels print of an address.
func TestParseFunction(t *testing.T) {
	for text, want := range map[string]struct {
		name   string
		offset uint32
	}{
		"tcp_v4_rcv+0x91/0xd60":                          {"tcp_v4_rcv", 0x91},
		"nft_do_chain+0x5ad/0x640 [nf_tables]":           {"nft_do_chain", 0x5ad},
		"ip_rcv_core.isra.0+0x1a/0x300":                  {"ip_rcv_core", 0x1a},
		"__dev_xmit_skb.constprop.0.cold+0x1f/0x40":      {"__dev_xmit_skb", 0x1f},
		"bpf_prog_6deef7357e7b4530_drop+0x20/0x30 [bpf]": {"bpf_prog_6deef7357e7b4530_drop", 0x20},
		"0xffffffff81f0a716":                             {},
		"tcp_v4_rcv":                                     {},
		"tcp_v4_rcv+0x":                                  {},
		"":                                               {},
	} {
		name, offset := parseFunction(text)
		require.Equal(t, want.name, name, text)
		require.Equal(t, want.offset, offset, text)
	}
}

func FuzzParseFunction(f *testing.F) {
	f.Add("tcp_v4_rcv+0x91/0xd60")
	f.Add("ip_rcv_core.isra.0+0x1a/0x300 [mod]")
	f.Add("0xffffffff81f0a716")
	f.Fuzz(func(t *testing.T, text string) {
		name, offset := parseFunction(text)
		require.True(t, strings.HasPrefix(text, name))
		require.NotContains(t, name, ".")
		if name == "" && !strings.HasPrefix(text, ".") && !strings.HasPrefix(text, "+") {
			require.Zero(t, offset)
		}
	})
}

// TestKernelReasons has the names that the running kernel has for its reasons.
func TestKernelReasons(t *testing.T) {
	r, err := loadKernelReasons()
	require.NoError(t, err)
	arguments, err := kfreeSKBArguments()
	require.NoError(t, err)
	if arguments < argumentsWithReason {
		require.Empty(t, r.names)
		return
	}
	require.Equal(t, "NO_SOCKET", r.name(r.number("NO_SOCKET")))
	require.Empty(t, r.name(1<<16-1))
	require.Empty(t, r.name(0xfffe0001), "a subsystem that there is not")
	noise := r.noise()
	for _, name := range KernelDropNoise() {
		if n := r.number(name); n != math.MaxUint32 { // older kernels lack some
			require.NotZero(t, noise[n/64]>>(n%64)&1, name)
		}
	}
	other := r.number("NO_SOCKET")
	require.Zero(t, noise[other/64]>>(other%64)&1)
}
