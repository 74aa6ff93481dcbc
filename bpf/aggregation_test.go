// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	tcpFIN = 0x01
	tcpRST = 0x04
	tcpPSH = 0x08
	tcpACK = 0x10
)

// tcp4 is a packet of a connection with flags.
func tcp4(src, dst string, port uint16, flags byte) []byte {
	header := tcpSYN(port)
	header[13] = flags
	return ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_TCP, 0, nil, header))
}

// aggregating loads programs that trace a flow at an interval.
func aggregating(t *testing.T, interval time.Duration, rules ...string) (*ethernetObjects, *perf.Reader) {
	t.Helper()
	objects := new(ethernetObjects)
	loadInto(t, objects, func(spec *ebpf.CollectionSpec) { require.NoError(t, setAggregation(spec, interval)) }, rules...)
	return objects, readEvents(t, objects.CiliumEvents)
}

// TestAggregation has packets of which some say something new.
func TestAggregation(t *testing.T) {
	objects, rd := aggregating(t, time.Hour, "udp/9999")
	const here, there = "10.0.0.1", "10.0.0.2"
	in, out := objects.FromNetwork, objects.ToNetwork
	syn := byte(2)
	udpFragment := ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_UDP, 9, nil, []byte("rest")))
	aggregated := uint64(0)
	for i, tc := range []struct {
		name   string
		prog   *ebpf.Program
		packet []byte
		traced bool
	}{
		{"the first one of a connection", in, tcp4(here, there, 80, syn), true},
		{"SYN again", in, tcp4(here, there, 80, syn), true},
		{"ACK for the first time", in, tcp4(here, there, 80, tcpACK), true},
		{"ACK again", in, tcp4(here, there, 80, tcpACK), false},
		{"PSH for the first time", in, tcp4(here, there, 80, tcpACK|tcpPSH), true},
		{"PSH again", in, tcp4(here, there, 80, tcpACK|tcpPSH), false},
		{"ACK alone", in, tcp4(here, there, 80, tcpACK), false},
		{"the other direction", in, tcp4(there, here, 80, tcpACK), true},
		{"where it leaves", out, tcp4(here, there, 80, tcpACK), true},
		{"where it leaves, again", out, tcp4(here, there, 80, tcpACK), false},
		{"another port", in, tcp4(here, there, 81, tcpACK), true},
		{"FIN", in, tcp4(here, there, 80, tcpACK|tcpFIN), true},
		{"FIN again", in, tcp4(here, there, 80, tcpACK|tcpFIN), true},
		{"RST", in, tcp4(here, there, 80, tcpRST), true},
		{"RST again", in, tcp4(here, there, 80, tcpRST), true},
		{"behind them", in, tcp4(here, there, 80, tcpACK), false},

		{"UDP", in, udp4(here, there, 53), true},
		{"UDP again", in, udp4(here, there, 53), false},
		{"UDP between others", in, udp4(here, "10.0.0.3", 53), true},
		{"a later fragment", in, udpFragment, true},
		{"a later fragment again", in, udpFragment, false},
		{"UDP in IPv6", in, udp6("fd00::1", "fd00::2", 53), true},
		{"UDP in IPv6 again", in, udp6("fd00::1", "fd00::2", 53), false},
		{"UDP in IPv6 between others", in, udp6("fd00::1", "fd00::3", 53), true},
		{"behind a VLAN tag", in, ethernet(unix.ETH_P_8021Q, vlan(unix.ETH_P_IP, udp4(here, there, 53)[14:])), false},
		{"behind IPv4 options", in, ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_UDP, 0, make([]byte, 8), udp(53))), false},

		{"echo", in, ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_ICMP, 0, nil, icmp(8, nil))), true},
		{"echo again", in, ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_ICMP, 0, nil, icmp(8, nil))), false},
		{"echo reply", in, ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_ICMP, 0, nil, icmp(0, nil))), true},
		{"no transport that is known", in, ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_ESP, 0, nil, []byte("data"))), true},
		{"no transport that is known, again", in, ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_ESP, 0, nil, []byte("data"))), false},
		{"TCP that is cut", in, ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_TCP, 0, nil, tcpSYN(80)[:4])), false},
		{"no IP", in, ethernet(unix.ETH_P_ARP, make([]byte, 28)), true},
		{"no IP again", in, ethernet(unix.ETH_P_ARP, make([]byte, 28)), true},
	} {
		_, events := run(t, tc.prog, rd, tc.packet)
		if tc.traced {
			require.Equal(t, []int{eventTrace}, types(events), "%d: %s", i, tc.name)
		} else {
			aggregated++
			require.Empty(t, events, "%d: %s", i, tc.name)
		}
		require.Equal(t, hostMonitorSuppressed{Aggregated: aggregated}, suppressedBy(t, objects.EventsSuppressed, trace))
	}
	denied := udp4(here, there, 9999)
	_, events := run(t, in, rd, denied)
	require.Equal(t, []int{eventTrace, eventPolicyVerdict, eventDrop}, types(events))
	for range 3 {
		result, events := run(t, in, rd, denied)
		require.EqualValues(t, verdictDrop, result)
		require.Equal(t, []int{eventPolicyVerdict, eventDrop}, types(events), "they are not aggregated")
	}
}

// TestAggregationInterval has an interval that is over by the next packet.
func TestAggregationInterval(t *testing.T) {
	objects, rd := aggregating(t, 1)
	for range 3 {
		_, events := run(t, objects.FromNetwork, rd, udp4("10.0.0.1", "10.0.0.2", 53))
		require.Len(t, events, 1)
	}
}

// TestAggregationTakesNoTokens has a limit beside aggregation: what is aggregated takes no token.
func TestAggregationTakesNoTokens(t *testing.T) {
	objects := new(ethernetObjects)
	loadInto(t, objects, func(spec *ebpf.CollectionSpec) {
		require.NoError(t, setAggregation(spec, time.Hour))
		require.NoError(t, RateLimits{trace: {Rate: 1, Burst: 2}}.set(spec))
	})
	rd := readEvents(t, objects.CiliumEvents)
	for i := range 100 {
		_, events := run(t, objects.FromNetwork, rd, udp4("10.0.0.1", "10.0.0.2", 53))
		require.Equal(t, i == 0, len(events) == 1)
	}
	_, events := run(t, objects.FromNetwork, rd, udp4("10.0.0.1", "10.0.0.2", 54))
	require.Len(t, events, 1)
	require.Equal(t, hostMonitorSuppressed{Aggregated: 99}, suppressedBy(t, objects.EventsSuppressed, trace))
}

// TestManyFlows has more flows than are remembered: each begins anew, none is missing.
func TestManyFlows(t *testing.T) {
	objects := new(ethernetObjects)
	loadInto(t, objects, func(spec *ebpf.CollectionSpec) {
		require.NoError(t, setAggregation(spec, time.Hour))
		spec.Maps[hostMapTracedFlows].MaxEntries = 64
	})
	rd := readEvents(t, objects.CiliumEvents)
	for port := range uint16(1000) {
		_, events := run(t, objects.FromNetwork, rd, udp4("10.0.0.1", "10.0.0.2", 1+port))
		require.Len(t, events, 1)
	}
}
