// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"math"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/filter"
)

// aFlow is the flow that filters are asked about.
const aFlow = `
	uuid: "u-1" node_name: "east/node-1" node_labels: "region=eu" Type: L3_L4
	verdict: DROPPED drop_reason_desc: POLICY_DENIED event_type: {type: 1 sub_type: 133} traffic_direction: EGRESS
	IP: {source: "10.0.0.1" destination: "fd00::2" source_xlated: "192.0.2.1" ipVersion: IPv4 encrypted: true}
	l4: {TCP: {source_port: 34567 destination_port: 80 flags: {SYN: true ECE: true}}}
	source: {
		identity: 4711 namespace: "default" pod_name: "web-1" cluster_name: "east" labels: "k8s:app=web" labels: "cidr:10.0.0.0/24"
		workloads: {name: "web" kind: "Deployment"}
	}
	destination: {identity: 2}
	source_names: "web.example.com" destination_service: {name: "dns" namespace: "kube-system"}
	interface: {index: 7 name: "eth7"} ip_trace_id: {trace_id: 77}
	trace_context: {parent: {trace_id: "abc"}}`

func parse(t testing.TB, text string) *flowpb.FlowFilter {
	t.Helper()
	ff := new(flowpb.FlowFilter)
	require.NoError(t, prototext.Unmarshal([]byte(text), ff), text)
	return ff
}

func newFlow(t testing.TB, text string) *flowpb.Flow {
	t.Helper()
	f := new(flowpb.Flow)
	require.NoError(t, prototext.Unmarshal([]byte(text), f))
	return f
}

func TestMatch(t *testing.T) {
	f := newFlow(t, aFlow)
	for text, want := range map[string]bool{
		``:                                    true,
		`uuid: "u-2" uuid: "u-1"`:             true,
		`uuid: "u-2"`:                         false,
		`verdict: FORWARDED`:                  false,
		`verdict: FORWARDED verdict: DROPPED`: true,
		`drop_reason_desc: POLICY_DENIED`:     true,
		`drop_reason_desc: POLICY_DENY`:       false,
		`event_type: {type: 1}`:               true,
		`event_type: {type: 4}`:               false,
		`event_type: {type: 1 match_sub_type: true sub_type: 181}`: false,
		`event_type: {match_sub_type: true sub_type: 133}`:         true,
		`reply: false`:                                            true,
		`reply: true`:                                             false,
		`encrypted: true`:                                         true,
		`encrypted: false`:                                        false,
		`traffic_direction: EGRESS`:                               true,
		`traffic_direction: INGRESS`:                              false,
		`source_ip: "10.0.0.1"`:                                   true,
		`source_ip: "::ffff:10.0.0.1"`:                            true,
		`source_ip: "10.0.0.0/24"`:                                true,
		`source_ip: "10.0.1.0/24"`:                                false,
		`destination_ip: "FD00::2"`:                               true,
		`destination_ip: "fd00::/8"`:                              true,
		`source_ip_xlated: "192.0.2.1"`:                           true,
		`source_ip_xlated: "10.0.0.1"`:                            false,
		`ip_version: IPv4`:                                        true,
		`ip_version: IPv6`:                                        false,
		`source_port: "34567"`:                                    true,
		`destination_port: "81"`:                                  false,
		`destination_port: "80" source_port: "1"`:                 false,
		`protocol: "TCP"`:                                         true,
		`protocol: "udp" protocol: "dns"`:                         false,
		`tcp_flags: {SYN: true}`:                                  true,
		`tcp_flags: {SYN: true ACK: true}`:                        false,
		`tcp_flags: {SYN: true ACK: true} tcp_flags: {ECE: true}`: true,
		`source_identity: 4711`:                                   true,
		`destination_identity: 4711`:                              false,
		`source_pod: "web"`:                                       true,
		`source_pod: "default/"`:                                  true,
		`source_pod: "/we"`:                                       true,
		`source_pod: "kube-system/web"`:                           false,
		`destination_pod: "/"`:                                    false,
		`source_workload: {name: "web"}`:                          true,
		`source_workload: {kind: "StatefulSet"}`:                  false,
		`destination_service: "kube-system/d"`:                    true,
		`destination_service: "dns"`:                              false,
		`source_cluster_name: "east"`:                             true,
		`destination_cluster_name: "east"`:                        false,
		`source_fqdn: "*.EXAMPLE.com."`:                           true,
		`source_fqdn: "example.com"`:                              false,
		`destination_fqdn: "*"`:                                   false,
		`node_name: "node-*"`:                                     true,
		`node_name: "east/"`:                                      true,
		`node_name: "west/node-1"`:                                false,
		`source_label: "app=web"`:                                 true,
		`source_label: "app in (x, web),host notin (a, b)"`:       true,
		`source_label: "k8s:app in (web, api)"`:                   true,
		`source_label: "reserved:app"`:                            false,
		`source_label: "!app"`:                                    false,
		`source_label: "! host, app != api"`:                      true,
		`source_label: "app=api" source_label: "app==web"`:        true,
		`source_label: "app>1"`:                                   false,
		`source_label: "cidr:10.0.0.0/8"`:                         true,
		`source_label: "cidr:10.0.0.0/25"`:                        false,
		`node_labels: "region=eu"`:                                true,
		`destination_label: "app"`:                                false,
		`http_method: "GET"`:                                      false,
		`dns_query: ".*"`:                                         false,
		`interface: {index: 7}`:                                   true,
		`interface: {index: 7 name: "eth8"}`:                      false,
		`ip_trace_id: 77`:                                         true,
		`trace_id: "abc"`:                                         true,
		`trace_id: "abd"`:                                         false,
	} {
		allow, err := filter.New([]*flowpb.FlowFilter{parse(t, text)}, nil)
		require.NoError(t, err, text)
		require.Equal(t, want, allow.Match(f), text)
		deny, err := filter.New(nil, []*flowpb.FlowFilter{parse(t, text)})
		require.NoError(t, err, text)
		require.Equal(t, !want, deny.Match(f), "not %s", text)
	}
}

func TestMatchHTTP(t *testing.T) {
	f := newFlow(t, `
		Type: L7 event_type: {type: 129}
		l7: {http: {code: 404 method: "GET" url: "http://a/b?c" headers: {key: "K" value: "v"}}}`)
	for text, want := range map[string]bool{
		`http_status_code: "404"`:                    true,
		`http_status_code: "4+"`:                     true,
		`http_status_code: "50+"`:                    false,
		`http_method: "get"`:                         true,
		`http_path: "^/b$"`:                          true,
		`http_path: "c"`:                             false,
		`http_url: "c$"`:                             true,
		`http_header: {key: "K" value: "v"}`:         true,
		`http_header: {key: "K" value: "w"}`:         false,
		`protocol: "http"`:                           true,
		`http_method: "get" event_type: {type: 129}`: true,
	} {
		match, err := filter.New([]*flowpb.FlowFilter{parse(t, text)}, nil)
		require.NoError(t, err, text)
		require.Equal(t, want, match.Match(f), text)
		require.True(t, match.MayMatch([]byte{api.MessageTypeAccessLog}), text)
	}
}

// TestLists checks that one of the allowed has to match, and none of the others.
func TestLists(t *testing.T) {
	f := newFlow(t, aFlow)
	tcp, udp, pod := parse(t, `protocol: "tcp"`), parse(t, `protocol: "udp"`), parse(t, `source_pod: "web"`)
	for _, c := range []struct {
		allow, deny []*flowpb.FlowFilter
		want        bool
	}{
		{nil, nil, true},
		{[]*flowpb.FlowFilter{udp, tcp}, nil, true},
		{[]*flowpb.FlowFilter{udp}, nil, false},
		{nil, []*flowpb.FlowFilter{udp, pod}, false},
		{[]*flowpb.FlowFilter{tcp}, []*flowpb.FlowFilter{udp}, true},
		{[]*flowpb.FlowFilter{tcp}, []*flowpb.FlowFilter{pod}, false},
	} {
		match, err := filter.New(c.allow, c.deny)
		require.NoError(t, err)
		require.Equal(t, c.want, match.Match(f))
	}
}

func TestErrors(t *testing.T) {
	_, err := filter.New(nil, []*flowpb.FlowFilter{parse(t, `experimental: {cel_expression: "true"}`)})
	require.ErrorIs(t, err, filter.ErrUnsupported)
	for text, want := range map[string]string{
		`source_ip: "10.0.0"`:                      `invalid IP address "10.0.0" in filter`,
		`destination_ip: "10.0.0.0/33"`:            `invalid IP prefix "10.0.0.0/33" in filter`,
		`source_port: "65536"`:                     `invalid source port filter: port "65536" is not a number from 0 to 65535`,
		`protocol: "ipx"`:                          `unknown protocol: "ipx"`,
		`source_pod: ""`:                           `name must not be empty`,
		`destination_cluster_name: ""`:             `name must not be empty`,
		`source_fqdn: "a b"`:                       `' ' can't be in a pattern`,
		`source_fqdn: "a.."`:                       `multiple trailing dots`,
		`node_name: ""`:                            `empty pattern`,
		`node_name: "a/b/c"`:                       `too many slashes`,
		`source_label: "a in b"`:                   `invalid source label filter: selector "a in b": "b" is where ( is expected`,
		`source_label: "a in (b"`:                  `"" is where a comma or ) is expected`,
		`source_label: "a b"`:                      `"b" is where an operator is expected`,
		`source_label: "!a=b"`:                     `"=" is where a comma or the end is expected`,
		`source_label: "a,"`:                       `"" is not a key of a label`,
		`source_label: "a=b c"`:                    `"c" is where a comma or the end is expected`,
		`source_label: "A/b/c"`:                    `"A/b/c" is not a key of a label`,
		`source_label: "a=-b"`:                     `"-b" is not a value of a label`,
		`source_label: "a>b"`:                      `"b" is not a number`,
		`dns_query: "("`:                           `invalid DNS query filter: expression "("`,
		`http_status_code: "600"`:                  `invalid status code prefix: "600"`,
		`http_path: "("`:                           `invalid HTTP path filter`,
		`http_method: "GET" event_type: {type: 1}`: `requires the event type filter to only match "l7" events`,
	} {
		_, err := filter.New([]*flowpb.FlowFilter{parse(t, text)}, nil)
		require.ErrorContains(t, err, want, text)
	}
}

func TestInterest(t *testing.T) {
	for text, want := range map[string]string{
		``:                              "drop, capture, trace, policy-verdict, trace-sock, kernel-drop, l7",
		`event_type: {type: 1}`:         "drop",
		`verdict: DROPPED`:              "drop, policy-verdict, kernel-drop, l7",
		`http_method: "GET"`:            "l7",
		`drop_reason_desc: POLICY_DENY`: "drop, policy-verdict; drop reasons Policy denied by denylist",
		`tcp_flags: {SYN: true} event_type: {type: 4} event_type: {type: 129}`: "trace",
	} {
		match, err := filter.New([]*flowpb.FlowFilter{parse(t, text)}, nil)
		require.NoError(t, err)
		require.Equal(t, want, match.Interest().String(), text)
	}
	match, err := filter.New([]*flowpb.FlowFilter{parse(t, `drop_reason_desc: POLICY_DENY`), parse(t, `event_type: {type: 1}`)}, nil)
	require.NoError(t, err)
	require.Equal(t, "drop, policy-verdict", match.Interest().String(), "one wants drops of all reasons")

	match, err = filter.New([]*flowpb.FlowFilter{parse(t, `event_type: {type: 2}`)}, nil)
	require.NoError(t, err)
	require.False(t, match.Interest().Everything(), "what can match nothing wants nothing")
	require.False(t, match.MayMatch([]byte{api.MessageTypeDebug}))

	match, err = filter.New(nil, []*flowpb.FlowFilter{parse(t, `event_type: {type: 1}`)})
	require.NoError(t, err)
	require.False(t, match.MayMatch([]byte{api.MessageTypeAgent}), "which becomes no flow")
}

// TestMayMatch checks that what a flow can't match for is seen in the event, without an allocation.
func TestMayMatch(t *testing.T) {
	n := api.DropNotify{Type: api.MessageTypeDrop, SubType: 133, CapLen: 34, Version: 3, SrcLabel: 4711, Ifindex: 7}
	packet := make([]byte, 14+20+20)
	copy(packet[12:], []byte{8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x87, 7, 0, 80})
	packet[14+20+12], packet[14+20+13] = 0x50, 2
	n.CapLen = uint16(len(packet))
	sample := append(n.Append(nil), packet...)
	for text, want := range map[string]bool{
		`verdict: DROPPED`: true, `verdict: AUDIT`: false,
		`drop_reason_desc: POLICY_DENIED`: true, `drop_reason_desc: POLICY_DENY`: false,
		`event_type: {type: 1 match_sub_type: true sub_type: 133}`: true, `event_type: {type: 1 match_sub_type: true}`: false,
		`source_ip: "10.0.0.0/8"`: true, `source_ip: "10.0.0.2"`: false, `destination_ip: "10.0.0.2"`: true, `source_ip_xlated: "10.0.0.1"`: false,
		`source_port: "34567"`: true, `destination_port: "443"`: false, `protocol: "tcp"`: true, `protocol: "udp" protocol: "dns"`: false,
		`tcp_flags: {SYN: true}`: true, `tcp_flags: {RST: true}`: false, `ip_version: IPv6`: false,
		`source_identity: 4711`: true, `source_identity: 4712`: false, `destination_identity: 4712`: true, // 0 may be found out
		`interface: {index: 7 name: "x"}`: true, `interface: {index: 8}`: false, `ip_trace_id: 1`: false, `reply: true`: false,
		`source_pod: "web"`: true, `source_label: "app"`: true, `dns_query: "x"`: false, `trace_id: "x"`: false,
	} {
		match, err := filter.New([]*flowpb.FlowFilter{parse(t, text)}, nil)
		require.NoError(t, err)
		require.Equal(t, want, match.MayMatch(sample), text)
		least := math.Inf(1) // the race detector has pools lose something now and then
		for range 100 {
			least = min(least, testing.AllocsPerRun(1, func() { match.MayMatch(sample) }))
		}
		require.Zero(t, least, text)
	}
}
