// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

func TestMessageTypeNames(t *testing.T) {
	names := map[int]string{
		1: "drop", 2: "debug", 3: "capture", 4: "trace", 5: "policy-verdict", 7: "trace-sock", 100: "kernel-drop", 129: "l7", 130: "agent",
	}
	for typ, name := range names {
		require.Equal(t, name, api.MessageTypeName(typ))
		got, err := api.ParseMessageType(name)
		require.NoError(t, err)
		require.Equal(t, typ, got)
		require.Contains(t, api.MessageTypeNames(), name)
	}
	for _, name := range api.MessageTypeNames() {
		require.Contains(t, slices.Collect(maps.Values(names)), name, "add its number and name to this test")
	}
	require.Equal(t, "unknown(6)", api.MessageTypeName(6))
	require.Equal(t, "unknown(-1)", api.MessageTypeName(-1))

	_, err := api.ParseMessageType("drops")
	require.ErrorIs(t, err, api.ErrUnknownType)
	require.EqualError(t, err, `unknown message type "drops": valid types are `+strings.Join(slices.Sorted(maps.Values(names)), ", "))
}

// Names by number, with gaps left empty; one past the end has no name.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		name    func(uint8) string
		names   []string
		unknown func(last uint8) string
	}{
		{api.ObservationPointName, []string{
			"to-endpoint", "to-proxy", "to-host", "to-stack", "to-overlay", "from-endpoint", "from-proxy", "from-host",
			"from-stack", "from-overlay", "from-network", "to-network", "from-crypto", "to-crypto",
		}, func(uint8) string { return "14" }},
		{api.TraceReasonName, []string{
			"new", "established", "reply", "related", "reopened", "unknown", "srv6-encap", "srv6-decap", "encrypt-overlay",
		}, func(uint8) string { return "9" }},
		{api.PolicyMatchName, []string{
			"none", "L3-Only", "L3-L4", "L4-Only", "all", "L3-Proto", "Proto-Only",
		}, func(uint8) string { return "unknown(7)" }},
		{api.PolicyDirectionName, []string{"unknown(0)", "ingress", "egress"}, func(uint8) string { return "unknown(3)" }},
		{api.AuthTypeName, []string{"disabled", "spire", "test-always-fail"}, func(uint8) string { return "unknown(3)" }},
		{api.CaptureName, []string{
			"unknown(0)", "unknown(1)", "unknown(2)", "unknown(3)", "delivery", "from-lb", "after-v46", "after-v64",
			"proxy-pre", "proxy-post", "snat-pre", "snat-post",
		}, func(uint8) string { return "unknown(12)" }},
		{api.XlatePointName, []string{
			"unknown", "pre-xlate-fwd", "post-xlate-fwd", "pre-xlate-rev", "post-xlate-rev",
		}, func(uint8) string { return "unknown" }},
		{api.TraceSockProtocolName, []string{"unknown", "tcp", "udp"}, func(uint8) string { return "unknown" }},
		{api.DebugName, strings.Fields(`
			unspec generic local-delivery encap lxc-found policy-denied ct-lookup ct-lookup-rev ct-match ct-created
			ct-created2 icmp6-handle icmp6-request icmp6-ns icmp6-time-exceeded ct-verdict decap port-map error-ret to-host
			to-stack pkt-hash lb6-lookup-frontend lb6-lookup-frontend-fail lb6-lookup-backend-slot
			lb6-lookup-backend-slot-success lb6-lookup-backend-slot-v2-fail lb6-lookup-backend-fail lb6-reverse-nat-lookup
			lb6-reverse-nat lb4-lookup-frontend lb4-lookup-frontend-fail lb4-lookup-backend-slot
			lb4-lookup-backend-slot-success lb4-lookup-backend-slot-v2-fail lb4-lookup-backend-fail lb4-reverse-nat-lookup
			lb4-reverse-nat lb4-loopback-snat lb4-loopback-snat-rev ct-lookup4 rr-backend-slot-sel rev-proxy-lookup
			rev-proxy-found rev-proxy-update l4-policy netdev-in-cluster netdev-encap4 ct-lookup4-1 ct-lookup4-2 ct-created4
			ct-lookup6-1 ct-lookup6-2 ct-created6 skip-proxy l4-create ip-id-map-failed4 ip-id-map-failed6
			ip-id-map-succeed4 ip-id-map-succeed6 lb-stale-ct inherit-identity sk-lookup4 sk-lookup6 sk-assign l7-lb
			lb6-loopback-snat lb6-loopback-snat-rev`), func(uint8) string { return "unknown(68)" }},
	} {
		for n, want := range c.names {
			require.Equal(t, want, c.name(uint8(n)))
		}
		require.Equal(t, c.unknown(uint8(len(c.names))), c.name(uint8(len(c.names))))
	}
	require.Equal(t, "reply", api.TraceReasonName(0x80|api.TraceReasonCtReply))
	require.Equal(t, "137", api.TraceReasonName(0x80|9))
}

// One constant of each run of debug subtypes: they count from 0 without gaps.
func TestDebugConstants(t *testing.T) {
	for subType, name := range map[uint8]string{
		api.DebugUnspec: "unspec", api.DebugCTLookup: "ct-lookup", api.DebugPktHash: "pkt-hash",
		api.DebugLB6ReverseNAT: "lb6-reverse-nat", api.DebugLB4LookupFrontend: "lb4-lookup-frontend",
		api.DebugCTLookup4: "ct-lookup4", api.DebugCTLookup4Part1: "ct-lookup4-1", api.DebugCTLookup6Part2: "ct-lookup6-2",
		api.DebugIPIDMapFailed4: "ip-id-map-failed4", api.DebugSKAssign: "sk-assign",
		api.DebugLB6LoopbackSNATRev: "lb6-loopback-snat-rev",
	} {
		require.Equal(t, name, api.DebugName(subType))
	}
	require.EqualValues(t, 67, api.DebugLB6LoopbackSNATRev)
}

func TestDropFile(t *testing.T) {
	for id, name := range map[uint8]string{
		1: "bpf_host.c", 2: "bpf_lxc.c", 3: "bpf_overlay.c", 4: "bpf_xdp.c", 5: "bpf_sock.c", 7: "bpf_wireguard.c",
		101: "drop.h", 102: "srv6.h", 103: "icmp6.h", 104: "nodeport.h", 105: "lb.h", 106: "mcast.h", 107: "ipv4.h",
		108: "conntrack.h", 109: "local_delivery.h", 110: "trace.h", 111: "encap.h", 112: "host_firewall.h",
		113: "nodeport_egress.h", 114: "ipv6.h", 115: "classifiers.h",
		0: "unknown(0)", 6: "unknown(6)", 100: "unknown(100)", 116: "unknown(116)", 255: "unknown(255)",
	} {
		require.Equal(t, name, api.DropFile(id))
	}
}

func TestNumericIdentity(t *testing.T) {
	for id, name := range []string{
		"unknown", "host", "world", "unmanaged", "health", "init", "remote-node", "kube-apiserver", "ingress", "world-ipv4",
		"world-ipv6", "aggregate-cluster", "aggregate-cluster-mesh", "aggregate-world", "aggregate-remote-node", "15",
	} {
		require.Equal(t, name, api.NumericIdentity(id).String())
		got, err := api.ParseNumericIdentity(name)
		require.NoError(t, err)
		require.EqualValues(t, id, got)
	}
	require.Equal(t, "4294967295", api.NumericIdentity(1<<32-1).String())
	for _, s := range []string{"", "hosts", "-1", "4294967296"} {
		_, err := api.ParseNumericIdentity(s)
		require.ErrorContains(t, err, `"`+s+`"`)
	}
}

func TestTraceAccessors(t *testing.T) {
	n := api.TraceNotify{Reason: 0x82, OrigIP: [16]byte{10, 1, 2, 3, 5}}
	require.True(t, n.IsEncrypted())
	require.EqualValues(t, api.TraceReasonCtReply, n.TraceReason())
	require.Equal(t, netip.MustParseAddr("10.1.2.3"), n.OriginalIP())
	n.Flags = api.FlagIPv6
	require.Equal(t, netip.MustParseAddr("a01:203:500::"), n.OriginalIP())
	n.Reason = api.TraceReasonCtReply
	require.False(t, n.IsEncrypted())
}

func TestPacketFlags(t *testing.T) {
	for flags := range uint8(16) {
		drop, trace := api.DropNotify{Flags: flags}, api.TraceNotify{Flags: flags}
		want := []bool{flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0}
		require.Equal(t, want, []bool{drop.IsIPv6(), drop.IsL3Device(), drop.IsVXLAN(), drop.IsGeneve()})
		require.Equal(t, want, []bool{trace.IsIPv6(), trace.IsL3Device(), trace.IsVXLAN(), trace.IsGeneve()})
	}
}

func TestPolicyVerdictAccessors(t *testing.T) {
	n := api.PolicyVerdictNotify{Flags: 0b10_101_0_01, Verdict: -133}
	require.EqualValues(t, api.PolicyIngress, n.Direction())
	require.EqualValues(t, api.PolicyMatchL3Proto, n.MatchType())
	require.False(t, n.IsIPv6())
	require.False(t, n.IsAudited())
	require.True(t, n.IsL3Device())
	require.Equal(t, "deny", n.Action())
	n.Verdict = 0
	require.Equal(t, "allow", n.Action())
	n.Verdict = 10001
	require.Equal(t, "redirect", n.Action())

	n = api.PolicyVerdictNotify{Flags: 0b01_010_1_10, Verdict: -133}
	require.EqualValues(t, api.PolicyEgress, n.Direction())
	require.EqualValues(t, api.PolicyMatchL3L4, n.MatchType())
	require.True(t, n.IsIPv6())
	require.True(t, n.IsAudited())
	require.False(t, n.IsL3Device())
	require.Equal(t, "audit", n.Action())
}

func TestTraceSockAddr(t *testing.T) {
	n := api.TraceSockNotify{DstIP: [16]byte{192, 0, 2, 1, 9}}
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), n.Addr())
	n.Flags = api.TraceSockFlagIPv6
	require.Equal(t, netip.MustParseAddr("c000:201:900::"), n.Addr())
}
