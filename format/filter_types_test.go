// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

// TestFilterVerdicts asks for each verdict of each type that has one.
func TestFilterVerdicts(t *testing.T) {
	l7 := func(v accesslog.FlowVerdict) named {
		return named{"l7-" + string(v), record(t, func(r *accesslog.LogRecord) { r.Verdict = v })}
	}
	policy := func(name string, verdictOf int32, flags uint8) named {
		return named{name, verdict(nil, func(n *api.PolicyVerdictNotify) { n.Verdict, n.Flags = verdictOf, flags })}
	}
	events := []named{
		l7(accesslog.VerdictForwarded), l7(accesslog.VerdictDenied), l7(accesslog.VerdictRedirected), l7(accesslog.VerdictError), l7(""), l7("odd"),
		policy("allowed", 0, api.PolicyIngress), policy("denied", -133, api.PolicyIngress), policy("redirected", 1, api.PolicyIngress),
		policy("audited", 0, api.PolicyIngress|api.PolicyVerdictFlagAudited),
	}
	for value, want := range map[string]string{
		"allow": "l7-Forwarded allowed", "deny": "l7-Denied denied", "redirect": "l7-Redirected redirected", "error": "l7-Error", "audit": "audited",
	} {
		require.Equal(t, want, matching(t, "--verdict "+value, events), value)
	}
}

// TestFilterOfDirections asks verdicts for endpoints: the direction says which side the one of the node is on.
func TestFilterOfDirections(t *testing.T) {
	policy := func(name string, direction uint8) named {
		return named{name, verdict(nil, func(n *api.PolicyVerdictNotify) { n.Flags = direction })}
	}
	events := []named{policy("ingress", api.PolicyIngress), policy("egress", api.PolicyEgress), policy("unknown", 0)}
	require.Equal(t, "egress unknown", matching(t, "--from 12", events))
	require.Equal(t, "ingress unknown", matching(t, "--to 12", events))
	require.Equal(t, "ingress egress unknown", matching(t, "--related-to 12", events))
	require.Empty(t, matching(t, "--related-to 13", events))
}

// TestFilterOfWhatVerdictsSay asks for protocol and port of verdicts without a packet. Of ICMP the port is a type.
func TestFilterOfWhatVerdictsSay(t *testing.T) {
	policy := func(name string, protocol uint8) named {
		return named{name, verdict(nil, func(n *api.PolicyVerdictNotify) { n.Proto, n.DstPort = protocol, 8 })}
	}
	events := []named{policy("tcp", ipTCP), policy("icmp", ipICMP), policy("icmpv6", ipICMPv6), policy("none", 0)}
	require.Equal(t, "tcp none", matching(t, "--dst-port 8", events))
	require.Empty(t, matching(t, "--src-port 8", events))
	require.Empty(t, matching(t, "--src-port 0", events))
	require.Equal(t, "icmp icmpv6", matching(t, "--protocol icmp", events))
	require.Empty(t, matching(t, "--protocol 0", events))
}

// TestFilterOfCaptureInterfaces asks for the interface of captures, which those to a proxy do not have.
func TestFilterOfCaptureInterfaces(t *testing.T) {
	for typ := range uint8(16) {
		events := []named{{"capture", capture(typ, 2, synPacket)}}
		want := ""
		switch typ {
		case api.CaptureDelivery, api.CaptureFromLB, api.CaptureAfterV46, api.CaptureAfterV64, api.CaptureSNATPre, api.CaptureSNATPost:
			want = "capture"
		}
		require.Equal(t, want, matching(t, "--interface eth0", events), api.CaptureName(typ))
		require.Equal(t, want, matching(t, "--interface 2", events), api.CaptureName(typ))
	}
}

// TestFilterOfSockets asks for what trace-sock events say, whose protocol can be none.
func TestFilterOfSockets(t *testing.T) {
	sock := func(name string, protocol uint8) named {
		return named{name, traceSock(func(n *api.TraceSockNotify) { n.L4Proto = protocol })}
	}
	events := []named{sock("tcp", api.TraceSockTCP), sock("udp", api.TraceSockUDP), sock("other", 9)}
	require.Equal(t, "tcp", matching(t, "--protocol tcp", events))
	require.Equal(t, "udp", matching(t, "--protocol udp", events))
	require.Empty(t, matching(t, "--protocol 0", events))
	require.Equal(t, "tcp udp other", matching(t, "--dst-port 443", events))
}
