// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestPolicyDetails has what a verdict says of the policy, each thing alone.
func TestPolicyDetails(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(n *api.PolicyVerdictNotify)
	}{
		{"allow [unknown]\n", func(*api.PolicyVerdictNotify) {}},
		{"allow [unknown]: udp\n", func(n *api.PolicyVerdictNotify) { n.Proto = ipUDP }},
		{"allow [unknown]: port 53\n", func(n *api.PolicyVerdictNotify) { n.DstPort = 53 }},
		{"allow [unknown]: ingress\n", func(n *api.PolicyVerdictNotify) { n.Flags = api.PolicyIngress }},
		{"redirect [unknown]: to proxy port 1\n", func(n *api.PolicyVerdictNotify) { n.Verdict = 1 }},
		{"deny [unknown]: match none\n", func(n *api.PolicyVerdictNotify) { n.Verdict = -1 }},
		{"allow [unknown]: match L3-Only\n", func(n *api.PolicyVerdictNotify) { n.Flags = api.PolicyMatchL3Only << 3 }},
		{"allow [unknown]: auth spire\n", func(n *api.PolicyVerdictNotify) { n.AuthType = api.AuthTypeSpire }},
		{"allow [unknown]: endpoint 7\n", func(n *api.PolicyVerdictNotify) { n.Source = 7 }},
		{"allow [unknown]: remote host\n", func(n *api.PolicyVerdictNotify) { n.RemoteLabel = api.IdentityHost }},
		{"allow [unknown]\n", func(n *api.PolicyVerdictNotify) { n.Cookie = 9 }},
	} {
		n := api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict}
		c.change(&n)
		require.Equal(t, c.want, print(format.Options{}, sample(n.Append(nil))))
	}
	pl := verdict(udpPacket, func(n *api.PolicyVerdictNotify) { n.Proto, n.DstPort = ipTCP, 9 })
	require.Contains(t, print(format.Options{}, pl), "10.0.0.1:34567 -> 10.0.0.2:53 udp: ingress, ", "the packet says protocol and port")
	fragment := verdict(ethernet(etherIPv4, fragmentOf(query4, 1480, false)), func(n *api.PolicyVerdictNotify) { n.Proto, n.DstPort = ipUDP, 53 })
	require.Contains(t, print(format.Options{}, fragment), "10.0.0.1 -> 10.0.0.2 udp [fragment at 1480]: port 53, ingress, ", "this one only the protocol")
}

// TestJoinedRules has a drop and a verdict of a deny rule, which says what it matched.
func TestJoinedRules(t *testing.T) {
	notice, err := api.DenyRulesNotice([]string{"tcp/80"}).ToJSON()
	require.NoError(t, err)
	told := agent(notice.Type, notice.Text)
	stream := func(cookie uint32) []*payload.Payload {
		return []*payload.Payload{
			told,
			verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Source, n.RemoteLabel, n.Cookie = 0, 0, cookie }),
			drop(synPacket, func(n *api.DropNotify) {
				n.Source, n.DstID, n.SrcLabel, n.DstLabel, n.Ifindex, n.File = 0, 0, 0, 0, 0, 0
			}),
		}
	}
	const drop = "\nDROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: Policy denied"
	for _, c := range []struct {
		cookie uint32
		level  format.Level
		want   string
	}{
		{1, format.LevelDefault, ", rule tcp/80\n"},
		{1, format.LevelDebug, ", ingress, match none, rule tcp/80, 70 bytes (70 captured), flow 0x1234abcd, CPU 1\n"},
		{9, format.LevelDefault, ", ingress, match none\n"},
		{9, format.LevelDebug, ", ingress, match none, cookie 9, 70 bytes (70 captured), flow 0x1234abcd, CPU 1\n"},
	} {
		lines, _, _ := joined(format.Options{Level: c.level}, stream(c.cookie)...)
		require.Contains(t, lines, drop+c.want)
	}
}

// TestOddSockets has trace-sock events of points and protocols around those that have names.
func TestOddSockets(t *testing.T) {
	for point, want := range map[uint8]string{0: "", 1: "pre-xlate-fwd, ", 4: "post-xlate-rev, ", 5: ""} {
		line := print(format.Options{Level: format.LevelDebug}, traceSock(func(n *api.TraceSockNotify) { n.XlatePoint = point }))
		require.Equal(t, "sock -> 10.96.0.1:443 tcp: "+want+"cgroup 4660, socket cookie 12586014, CPU 1\n", line)
	}
	for protocol, want := range map[uint8]string{0: "", api.TraceSockTCP: " tcp", api.TraceSockUDP: " udp", 9: ""} {
		line := print(format.Options{Level: format.LevelDebug}, traceSock(func(n *api.TraceSockNotify) { n.L4Proto = protocol }))
		require.Contains(t, line, "10.96.0.1:443"+want+": pre-xlate-fwd")
	}
}

// TestAllCaptures prints captures of each place, also of those that there are not.
func TestAllCaptures(t *testing.T) {
	known := 0
	for typ := range 256 {
		line := print(format.Options{}, capture(uint8(typ), 2, synPacket))
		unknown := "cap  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: unknown capture " + strconv.Itoa(typ) + ", arg1 0x2, arg2 0x0, from endpoint 12\n"
		if line != unknown {
			require.NotContains(t, line, "unknown")
			known++
		}
	}
	require.Equal(t, 8, known)
}

// TestAllDebugMessages prints debug samples of each message in both formats, also of those that there are not.
func TestAllDebugMessages(t *testing.T) {
	known, knownToCilium := 0, 0
	for typ := range 256 {
		line := print(format.Options{Level: format.LevelDebug}, debug(uint8(typ), 1, 2, 3))
		if !strings.HasPrefix(line, "dbg  unknown message "+strconv.Itoa(typ)+", arg1=1 ") {
			known++
		}
		line = print(ciliumDebug, debug(uint8(typ), 1, 2, 3))
		if !strings.Contains(line, "DEBUG: Unknown message type="+strconv.Itoa(typ)+" arg1=1 arg2=2\n") {
			knownToCilium++
		}
	}
	require.Equal(t, int(api.DebugLB6LoopbackSNATRev), known)
	require.Equal(t, known, knownToCilium)
}
