// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// filterEvents are the events that the filters of the tests are asked for, by name.
var filterEvents = []named{
	{"drop", drop(synPacket)}, // 12 -> 7, identity 4711 -> world, eth0
	{"drop-tail", drop(udpPacket, func(n *api.DropNotify) { n.SubType, n.Ifindex = 140, 9 })}, // 12 -> 7
	{"trace", trace(tcp6Packet)}, // 12 -> 7, identity host -> 4711, eth0
	{"trace-proxy", trace(icmpPacket, func(n *api.TraceNotify) { n.ObsPoint, n.Source = api.TraceToProxy, 3 })},
	{"trace-vxlan", trace(vxlanPacket, func(n *api.TraceNotify) { n.Flags, n.Source, n.DstID = api.FlagVXLAN, 1, 2 })},
	{"ingress-deny", verdict(synPacket)},
	{"egress-audit", verdict(udpPacket, func(n *api.PolicyVerdictNotify) {
		n.Verdict, n.Flags = 0, api.PolicyEgress|api.PolicyVerdictFlagAudited
		n.DstPort, n.Proto = 53, ipUDP
	})},
	{"capture", capture(api.CaptureDelivery, 2, sctpPacket)},
	{"debug", debug(api.DebugGeneric, 0, 0, 0)},
	{"sock", traceSock()},
	{"kernel", kernelDrop(udpPacket)}, // NO_SOCKET, eth0
	{"kernel-out", kernelDrop(synPacket, func(n *api.KernelDropNotify) { // NETFILTER_DROP
		n.Reason, n.ReasonName, n.Direction, n.Device, n.Flags = 12, "NETFILTER_DROP", api.KernelDropEgress, "veth0", api.FlagOtherNetNS
	})},
	{"agent", agent(api.AgentNotifyGeneric, "{}")},
}

// matching returns the names of the events that a filter, written as on a command line,
// matches.
func matching(t *testing.T, filter string, events []named) string {
	t.Helper()
	f, err := format.ParseFilter(strings.Fields(filter))
	require.NoError(t, err)
	ev := format.NewEvent(interfaceName)
	var names []string
	for _, e := range events {
		ev.Decode(e.payload)
		if f.Match(ev) {
			names = append(names, e.name)
		}
	}
	return strings.Join(names, " ")
}

func TestFilter(t *testing.T) {
	l7 := records(t)
	events := append(append([]named{}, filterEvents...), named{"http", l7[0].payload}, named{"denied", l7[1].payload}, named{"error", l7[5].payload})
	everything := matching(t, "", events)
	require.Len(t, strings.Fields(everything), len(events))

	for filter, want := range map[string]string{
		"--type drop":                                                  "drop drop-tail kernel kernel-out",
		"--type kernel-drop":                                           "kernel kernel-out",
		"-t drop --not -t kernel-drop":                                 "drop drop-tail",
		"--drop-reason NO_SOCKET":                                      "kernel",
		"--drop-reason netfilter":                                      "kernel-out",
		"--drop-reason socket --drop-reason denied":                    "drop kernel",
		"--not --drop-reason NO_SOCKET -t kernel-drop":                 "kernel-out",
		"--drop-reason RX_DROP_U_NEW":                                  "",
		"--interface veth0":                                            "kernel-out",
		"-t drop -t agent":                                             "drop drop-tail kernel kernel-out agent",
		"-t drop,agent,l7":                                             "drop drop-tail kernel kernel-out agent http denied error",
		"--not --type trace --type drop":                               "drop drop-tail kernel kernel-out",
		"--not -t trace,drop,l7 --not -t debug,policy-verdict,capture": "sock agent",

		// Endpoint filters do not apply to trace-sock; a proxy port is no endpoint; the
		// direction of a verdict says which side its endpoint is.
		"--from 12":                           "drop drop-tail trace egress-audit capture debug sock http denied error",
		"--to 7":                              "drop drop-tail trace sock",
		"--to 12":                             "ingress-deny sock",
		"--to 34":                             "sock http denied error",
		"--related-to 12":                     "drop drop-tail trace ingress-deny egress-audit capture debug sock http denied error",
		"--from 3 --from 1":                   "trace-proxy trace-vxlan sock",
		"--not --related-to 12 -t trace":      "trace-proxy trace-vxlan",
		"--not --related-to 12 -t trace-sock": "sock",
		"--related-to 12 --not --from 12":     "ingress-deny sock",

		"--ip 10.0.0.0/8 -t trace":                      "trace-proxy trace-vxlan",
		"--ip 10.0.0.1 -t drop":                         "drop drop-tail kernel kernel-out",
		"--ip fd00::/64":                                "trace",
		"--src-ip 1.2.3.4":                              "trace trace-proxy trace-vxlan",
		"--dst-ip 1.2.3.4":                              "",
		"--ip 192.168.0.1":                              "trace-vxlan",
		"--outer --ip 192.168.0.1":                      "trace-vxlan",
		"--inner --ip 192.168.0.1":                      "",
		"--outer --ip 10.0.0.1":                         "",
		"--inner --ip 10.0.0.1 -t trace":                "trace-proxy trace-vxlan",
		"--inner --ip 10.96.0.1":                        "sock",
		"--not --outer --ip 0.0.0.0/0 -t trace":         "trace trace-proxy",
		"--outer --not --ip 192.168.0.2 -t trace":       "trace trace-proxy",
		"--outer --dst-port 8472 --inner --dst-port 80": "trace-vxlan",
		"--outer --protocol udp":                        "trace-vxlan",
		"--outer --tcp-flags SYN":                       "",
		"--src-ip 10.0.0.2":                             "",
		"--dst-ip 10.96.0.1":                            "sock",
		"--dst-ip 10.0.0.2 -t l7":                       "http denied error",
		"--ip ::ffff:10.0.0.1 -t drop":                  "drop drop-tail kernel kernel-out",
		"--not --ip 0.0.0.0/0":                          "debug agent", // a trace has an orig-ip
		"--port 53":                                     "drop-tail egress-audit kernel",
		"--src-port 34567 -t l7":                        "http denied error",
		"--port 443,7":                                  "trace capture sock",
		"--dst-port 7":                                  "",
		"--dst-port 80 --not --port 34567":              "",
		"--protocol icmp":                               "trace-proxy",
		"--protocol UDP":                                "drop-tail trace-vxlan egress-audit kernel",
		"--protocol 132":                                "capture",
		"--protocol tcp -t trace-sock,l7":               "sock http denied error",
		"--protocol 0":                                  "",
		"--tcp-flags SYN":                               "drop trace trace-vxlan ingress-deny kernel-out",
		"--tcp-flags SYN --not --tcp-flags ack":         "drop trace-vxlan ingress-deny kernel-out",
		"--tcp-flags FIN,RST":                           "",
		"--drop-reason 140":                             "drop-tail",
		"--not --drop-reason 140 -t drop":               "drop kernel kernel-out",
		"--identity world":                              "drop drop-tail ingress-deny egress-audit http denied error",
		"--identity 4711 -t trace":                      "trace trace-proxy trace-vxlan",
		"--identity 2 --not --identity 4711":            "ingress-deny egress-audit",
		"--verdict deny":                                "ingress-deny denied",
		"--verdict audit":                               "egress-audit",
		"--verdict allow,error":                         "http error",
		"--not --verdict deny -t policy-verdict":        "egress-audit",
		"--interface eth0":                              "drop trace trace-proxy trace-vxlan capture kernel",
		"--interface 9":                                 "drop-tail",
		"--interface eth1":                              "",
		"--interface e?h*":                              "drop trace trace-proxy trace-vxlan capture kernel",
		"--interface [a-f]th0 -t drop":                  "drop kernel",
		"--interface v*":                                "kernel-out",
		"--not --interface * -t drop":                   "",
		"--not --interface eth0 -t drop":                "drop-tail kernel-out",

		"-t drop,policy-verdict --port 80 --identity world --ip 10.0.0.0/8": "drop ingress-deny",
	} {
		require.Equal(t, want, matching(t, filter, events), "%s", filter)
	}
}

// TestFilterMappedAddress checks that an IPv4-mapped IPv6 address is in networks of both families, as it is for
// deny rules.
func TestFilterMappedAddress(t *testing.T) {
	events := []named{
		{"mapped", trace(ethernet(etherIPv6, ipv6(ipUDP, "::ffff:10.0.0.1", "fd00::2", udp(1, 2, nil))))},
		{"IPv4", trace(udpPacket)},
		{"IPv6", trace(tcp6Packet)},
	}
	for filter, want := range map[string]string{
		"--ip 10.0.0.1":          "mapped IPv4",
		"--ip ::ffff:10.0.0.1":   "mapped IPv4",
		"--src-ip 10.0.0.0/8":    "mapped IPv4",
		"--ip ::/0":              "mapped IPv6",
		"--ip ::ffff:0:0/95":     "mapped",
		"--ip 10.0.0.9":          "",
		"--not --ip 10.0.0.1":    "IPv6",
		"--dst-ip ::ffff:0:0/96": "IPv4",
	} {
		require.Equal(t, want, matching(t, filter, events), "%s", filter)
	}
	require.Contains(t, print(format.Options{}, events[0].payload), "10.0.0.1:1 -> [fd00::2]:2 udp")
}

// TestFilterSaidAddresses checks that addresses are found that messages are about.
func TestFilterSaidAddresses(t *testing.T) {
	group := func(text string) []byte { return netip.MustParseAddr(text).AsSlice() }
	over4 := func(message ...[]byte) *payload.Payload {
		return trace(ethernet(etherIPv4, ipv4(ipIGMP, "10.0.0.1", "224.0.0.22", message...)))
	}
	over6 := func(typ byte, body ...[]byte) *payload.Payload {
		return trace(ethernet(etherIPv6, ipv6(ipICMPv6, "fe80::1", "ff02::16", append([][]byte{{typ, 0, 0, 0}}, body...)...)))
	}
	zero := make([]byte, 4)
	events := []named{
		{"igmp2", over4([]byte{0x16, 0, 0, 0}, group("224.0.0.251"))},
		{"igmp3", over4([]byte{0x22, 0, 0, 0, 0, 0, 0, 2}, []byte{1, 1, 0, 1}, group("232.0.0.1"), group("10.9.9.9"), zero, []byte{4, 0, 0, 0}, group("224.0.0.251"))},
		{"mld", over6(131, zero, group("ff02::fb"))},
		{"mld2", over6(143, []byte{0, 0, 0, 2}, []byte{1, 0, 0, 1}, group("ff3e::1"), group("fd00::9"), []byte{4, 0, 0, 0}, group("ff02::fb"))},
		{"redirect", over6(137, zero, group("fe80::2"), group("2001:db8::7"))},
		{"solicitation", over6(135, zero, group("2001:db8::7"))},
		{"cut", over4([]byte{0x22, 0, 0, 0, 0, 0, 0, 9}, []byte{1, 0, 0xff, 0xff}, group("232.0.0.1")[:3])},
	}
	for filter, want := range map[string]string{
		"--ip 224.0.0.251":     "igmp2 igmp3",
		"--dst-ip 232.0.0.1":   "igmp3",
		"--ip 10.9.9.9":        "",
		"--ip ff02::fb":        "mld mld2",
		"--dst-ip ff3e::/16":   "mld2",
		"--ip fd00::9":         "",
		"--ip 2001:db8::7":     "redirect solicitation",
		"--ip fe80::2":         "redirect",
		"--src-ip 2001:db8::7": "",
		"--src-ip 224.0.0.0/4": "",
	} {
		require.Equal(t, want, matching(t, filter, events), "%s", filter)
	}
}

// TestFilterRecordVersion checks that of an endpoint with two addresses the one that was
// used counts.
func TestFilterRecordVersion(t *testing.T) {
	r := accesslog.LogRecord{
		SourceEndpoint:      accesslog.EndpointInfo{IPv4: "10.0.0.1", IPv6: "fd00::1"},
		DestinationEndpoint: accesslog.EndpointInfo{IPv6: "fd00::2"},
		IPVersion:           accesslog.VersionIPv6,
	}
	data, err := r.Append(nil)
	require.NoError(t, err)
	events := []named{{"v6", sample(data)}}
	require.Equal(t, "v6", matching(t, "--src-ip fd00::1 --dst-ip fd00::2", events))
	require.Empty(t, matching(t, "--ip 10.0.0.1", events))
}

// TestFilterDropReasonText checks the filter whose values have blanks and commas.
func TestFilterDropReasonText(t *testing.T) {
	for value, want := range map[string]bool{"Missed tail call": true, "missed tail call": true, "Policy denied": false, "LB, sock cgroup: Reverse entry stale": false} {
		f, err := format.ParseFilter([]string{"--drop-reason", value})
		require.NoError(t, err)
		ev := format.NewEvent(interfaceName)
		ev.Decode(drop(udpPacket, func(n *api.DropNotify) { n.SubType = 140 }))
		require.Equal(t, want, f.Match(ev), value)
	}
}

// TestFilterKeepsWhatItCannotJudge checks that losses always match, and samples that
// cannot be decoded unless their type does not.
func TestFilterKeepsWhatItCannotJudge(t *testing.T) {
	events := []named{
		{"lost", lost(5, 1)},
		{"lost-here", lost(5, payload.CPULostByReader)},
		{"drop", sample([]byte{api.MessageTypeDrop})},
		{"l7", sample([]byte{api.MessageTypeAccessLog, 'x'})},
		{"unknown", sample([]byte{6})},
		{"zero", sample([]byte{api.MessageTypeUnspec, 1, 2, 3})},
		{"empty", sample(nil)},
		{"payload", &payload.Payload{Type: 3}},
	}
	for filter, want := range map[string]string{
		"":                      "lost lost-here drop l7 unknown zero empty payload",
		"--type drop":           "lost lost-here drop empty payload",
		"--type l7 --port 80":   "lost lost-here l7 empty payload",
		"--port 80":             "lost lost-here drop l7 unknown zero empty payload",
		"--not --type drop":     "lost lost-here l7 unknown zero empty payload",
		"--not --ip 10.0.0.0/8": "lost lost-here drop l7 unknown zero empty payload",
	} {
		require.Equal(t, want, matching(t, filter, events), "%s", filter)
	}
}

func TestFilterZeroValue(t *testing.T) {
	ev := format.NewEvent(interfaceName)
	ev.Decode(drop(synPacket))
	require.True(t, new(format.Filter).Match(ev))
	require.Equal(t, format.LevelDefault, new(format.Filter).Level(format.LevelDefault))
}

// TestFilterLevel checks that a type that is asked for by name is not hidden.
func TestFilterLevel(t *testing.T) {
	for filter, want := range map[string]format.Level{
		"":                   format.LevelDefault,
		"--type drop":        format.LevelDefault,
		"--type drop,debug":  format.LevelDebug,
		"--type trace-sock":  format.LevelDebug,
		"--not --type debug": format.LevelDefault,
		"--port 443":         format.LevelDefault,
		"--not --type drop":  format.LevelDefault,
	} {
		f, err := format.ParseFilter(strings.Fields(filter))
		require.NoError(t, err)
		require.Equal(t, want, f.Level(format.LevelDefault), "%s", filter)
		require.Equal(t, format.LevelVerbose, f.Level(format.LevelVerbose), "%s", filter)
	}
}

func TestFilterErrors(t *testing.T) {
	for filter, want := range map[string][]string{
		// Typos.
		"--type dorp":                {`"dorp"`, `did you mean "drop"?`, "valid types are"},
		"--type verdict":             {`did you mean "policy-verdict"?`},
		"--drop-reason denyed":       {`"denyed"`, `did you mean "Policy denied"?`},
		"--drop-reason polcy-denied": {`did you mean "Policy denied"?`},
		"--drop-reason 256":          {"256", "0-255"},
		"--protocol tpc":             {`did you mean "tcp"?`},
		"--protocol 256":             {"0 to 255"},
		"--tcp-flags SNY":            {`did you mean "SYN"?`},
		"--verdict denied":           {`did you mean "deny"?`},
		"--identity wrld":            {`did you mean "world"?`},
		"--from abc":                 {`"abc"`, "0 to 65535"},
		"--from 65536":               {"0 to 65535"},
		"--ip 10.0.0.256":            {`"10.0.0.256"`, "CIDR"},
		"--ip 10.0.0.0/33":           {"CIDR"},
		"--ip fe80::1%eth0":          {"CIDR"},
		"--port htpp":                {`"htpp"`, "0 to 65535", "8000-8080", `did you mean "http"?`},
		"--port 8080-8000":           {"above its last"},
		"--port 1-65536":             {`"1-65536"`},
		"--port -":                   {`"-"`},
		"--port 80,":                 {`""`},
		"--interface " + strings.Repeat("a", 128): {"1 to 127"},
		"--interface eth[":                        {"pattern", "veth*"},
		"--prot 80":                               {"--prot"},
		"drop":                                    {`"drop" is not a flag`},
		"--not":                                   {"--not needs"},
		"--type drop --not":                       {"--not needs"},
		"--not --not --ip ::1":                    {"--not is given twice in a row"},
		"--ip ::1 --not --not":                    {"--not is given twice in a row"},
		"--not=maybe":                             {"no value"},
		"--outer":                                 {"--outer needs"},
		"--outer --inner --ip ::1":                {"--outer and --inner"},
		"--outer --not --outer --ip ::1":          {"--outer is given twice in a row"},
		"--outer --type drop":                     {"--outer goes before"},

		// Contradictions.
		"--type agent --port 80":                                 {"--type agent", "--port 80", "drop, kernel-drop, l7"},
		"--type trace --drop-reason 133":                         {"--type trace", "--drop-reason 133"},
		"--type l7 --interface eth0":                             {"--interface eth0", "capture, drop, kernel-drop, policy-verdict, trace"},
		"--type debug --to 7":                                    {"--to 7"},
		"--type l7 --tcp-flags SYN":                              {"--tcp-flags SYN"},
		"--type policy-verdict --verdict error":                  {"--verdict error", "l7"},
		"--drop-reason 133 --verdict deny":                       {"--drop-reason 133", "--verdict deny"},
		"--not --type drop --drop-reason 133":                    {"--not --type drop", "--drop-reason 133"},
		"--type drop --not --type drop":                          {"--type drop", "no type is left"},
		"--not -t " + strings.Join(api.MessageTypeNames(), ","):  {"no type is left"},
		"--identity 2 --from 7 --drop-reason 133 --verdict deny": {"--drop-reason 133", "--verdict deny"},
		"--port 80 --not --port 80":                              {"--port 80", "--not --port"},
		"--dst-port 80 --not --port 80":                          {"--dst-port 80", "--not --port"},
		"--src-ip 10.1.0.0/16 --not --ip 10.0.0.0/8":             {"--src-ip 10.1.0.0/16", "--not --ip"},
		"--from 7 --not --related-to 7":                          {"--from 7", "--not --related-to"},
		"--not --protocol tcp --tcp-flags SYN":                   {"--protocol tcp", "--tcp-flags SYN"},
		"--outer --port 80 --not --port 80":                      {"--outer --port 80", "--not --port"},
		"--port 80-90 --not --port 1-100":                        {"--port 80-90", "--not --port"},
		"--outer --ip 10.0.0.1 --type l7":                        {"--type l7", "--outer --ip 10.0.0.1"},
		"--drop-reason 133 --not --drop-reason denied":           {"--drop-reason 133", "--not --drop-reason"},
	} {
		_, err := format.ParseFilter(strings.Fields(filter))
		require.Error(t, err, "%s", filter)
		for _, part := range want {
			require.ErrorContains(t, err, part, "%s", filter)
		}
		t.Log(err)
	}
}

// TestFilterNearContradictions has filters that can match although parts of them cannot.
func TestFilterNearContradictions(t *testing.T) {
	for _, filter := range []string{
		"--type agent,drop --port 80",
		"--not --port 80 --type agent",
		"--port 80,443 --not --port 80",
		"--src-ip 10.0.0.0/8 --not --ip 10.1.0.0/16",
		"--src-ip 10.0.0.0/8 --not --ip 10.0.0.0/16",
		"--src-ip 10.0.0.1 --not --dst-ip 10.0.0.1",
		"--protocol udp,tcp --tcp-flags SYN",
		"--protocol udp --not --tcp-flags SYN",
		"--src-ip 10.0.0.1 --dst-ip fd00::1", // of a tunnel
		"--protocol udp --tcp-flags SYN",
		"--protocol icmp --port 80", // what an ICMP error is about
		"--port 80 --not --outer --port 80",
		"--outer --port 80 --not --inner --port 80",
		"--port 80-90 --not --port 85",
		"--drop-reason denied --not --drop-reason 133",
		"--type trace-sock --from 7",
		"--type l7 --verdict deny,audit",
	} {
		_, err := format.ParseFilter(strings.Fields(filter))
		require.NoError(t, err, "%s", filter)
	}
}

// TestFilterValues takes each value that is offered for completion.
func TestFilterValues(t *testing.T) {
	for _, flag := range []string{"type", "protocol", "tcp-flags", "identity", "verdict"} {
		values := format.FilterValues(flag)
		require.NotEmpty(t, values, flag)
		for _, value := range values {
			_, err := format.ParseFilter([]string{"--" + flag, value})
			require.NoError(t, err)
		}
	}
	require.Nil(t, format.FilterValues("port"))
	require.Nil(t, format.FilterValues("nonsense"))
}
