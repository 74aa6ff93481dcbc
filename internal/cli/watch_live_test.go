// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bpf"
)

// lineKind is what a line of the traffic is about.
type lineKind struct {
	kind string
	line *regexp.Regexp
}

// The first that matches counts.
var lineKinds = []lineKind{
	{"noise", regexp.MustCompile(`Neighbor|Router(Solicitation|Advertisement)|MulticastListener|MLD| ARP(:|$)|icmp 143`)},
	{"noise", traceLine("out", `10\.0\.0\.2:8080 -> 10\.0\.0\.1:\d+ tcp ACK`)}, // that it may send or save
	{"drop", regexp.MustCompile(`^DROP 10\.0\.0\.1:\d+ -> 10\.0\.0\.2:9999 udp: Policy denied, eth0$`)},
	{"denial", regexp.MustCompile(`^DROP 10\.0\.0\.1:\d+ -> 10\.0\.0\.2:9999 udp: Policy denied, eth0, ingress, match L4-Only$`)},
	{"verdict", regexp.MustCompile(`^deny 10\.0\.0\.1:\d+ -> 10\.0\.0\.2:9999 udp: eth0, ingress, match L4-Only$`)},
	{"vxlan", traceLine("in ", `192\.168\.7\.1:45678 -> 192\.168\.7\.2:443 tcp SYN \[tunnel 10\.0\.0\.1:\d+ -> 10\.0\.0\.2:8472 vxlan\]`)},
	{"geneve", traceLine("in ", `192\.168\.7\.1:45678 -> 192\.168\.7\.2:443 tcp SYN \[tunnel 10\.0\.0\.1:\d+ -> 10\.0\.0\.2:6081 geneve\]`)},
	{"denied", traceLine("in ", `10\.0\.0\.1:\d+ -> 10\.0\.0\.2:9999 udp`)},
	{"SYN", traceLine("in ", `10\.0\.0\.1:\d+ -> 10\.0\.0\.2:8080 tcp SYN`)},
	{"SYN-ACK", traceLine("out", `10\.0\.0\.2:8080 -> 10\.0\.0\.1:\d+ tcp SYN, ACK`)},
	{"FIN", traceLine("(in |out)", `10\.0\.0\.\d:\d+ -> 10\.0\.0\.\d:\d+ tcp ACK, FIN`)},
	{"ACK", traceLine("in ", `10\.0\.0\.1:\d+ -> 10\.0\.0\.2:8080 tcp ACK`)},
	{"query", traceLine("in ", `10\.0\.0\.1:\d+ -> 10\.0\.0\.2:5300 udp`)},
	{"answer", traceLine("out", `10\.0\.0\.2:5300 -> 10\.0\.0\.1:\d+ udp`)},
	{"query6", traceLine("in ", `\[fd00::1\]:\d+ -> \[fd00::2\]:5300 udp`)},
	{"answer6", traceLine("out", `\[fd00::2\]:5300 -> \[fd00::1\]:\d+ udp`)},
	{"ping", traceLine("in ", `10\.0\.0\.1 -> 10\.0\.0\.2 icmp EchoRequest`)},
	{"pong", traceLine("out", `10\.0\.0\.2 -> 10\.0\.0\.1 icmp EchoReply`)},
	{"ping6", traceLine("in ", `fd00::1 -> fd00::2 icmp EchoRequest`)},
	{"pong6", traceLine("out", `fd00::2 -> fd00::1 icmp EchoReply`)},
	{"agent", regexp.MustCompile(`^agent Message: "hello"$`)},
}

func traceLine(word, connection string) *regexp.Regexp {
	return regexp.MustCompile(`^` + word + `  ` + connection + `: eth0$`)
}

// debugDetails is what -v has at the end of the line of a packet.
var debugDetails = regexp.MustCompile(`(, cookie \d+)?(, bpf_host\.c:\d+)?, \d+ bytes \(\d+ captured\)(, flow 0x[0-9a-f]+)?, CPU \d+$`)

var (
	tcpKinds     = []string{"SYN", "SYN-ACK", "ACK", "FIN"}
	udpKinds     = []string{"query", "answer", "query6", "answer6"}
	icmpKinds    = []string{"ping", "pong", "ping6", "pong6"}
	tunnelKinds  = []string{"vxlan", "geneve"}
	deniedKinds  = []string{"denied", "verdict", "drop"}
	traceKinds   = slices.Concat(tcpKinds, udpKinds, icmpKinds, tunnelKinds, []string{"denied"})
	packetKinds  = slices.Concat(traceKinds, []string{"verdict", "drop"})
	allKinds     = slices.Concat(packetKinds, []string{"agent"})
	ipv6Kinds    = []string{"query6", "answer6", "ping6", "pong6"}
	ipv4Kinds    = without(packetKinds, slices.Concat(ipv6Kinds, tunnelKinds)) // of the veth pair
	clientsKinds = without(ipv4Kinds, []string{"SYN-ACK", "ACK", "FIN", "answer", "pong"})
)

func without(kinds, others []string) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return slices.Contains(others, k) })
}

// kindsOf returns the kinds of lines, sorted, without the noise of the network. An unknown
// line is an error.
func kindsOf(lines string) ([]string, error) {
	found := map[string]bool{}
	for line := range strings.Lines(lines) {
		line = debugDetails.ReplaceAllString(strings.TrimSuffix(line, "\n"), "")
		i := slices.IndexFunc(lineKinds, func(k lineKind) bool { return k.line.MatchString(line) })
		if i < 0 {
			return nil, fmt.Errorf("a line of no kind: %q", line)
		}
		found[lineKinds[i].kind] = true
	}
	delete(found, "noise")
	if found["denial"] { // two events on a line
		delete(found, "denial")
		found["verdict"], found["drop"] = true, true
	}
	return sorted(found), nil
}

func sorted(set map[string]bool) (kinds []string) {
	for k := range set {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// filterTest is a command line and the kinds of lines that it must print, and no others.
type filterTest struct {
	args  string
	kinds []string
}

// filterTests has each filter flag.
var filterTests = []filterTest{
	{"", allKinds},
	{"-t trace", traceKinds},
	{"-t drop", []string{"drop"}},
	{"-t policy-verdict,agent", []string{"verdict", "agent"}},
	{"-t debug", nil},
	{"--not -t trace", []string{"verdict", "drop", "agent"}},
	{"--from 0", append(slices.Clone(traceKinds), "drop")}, // of a verdict, the local endpoint is the destination
	{"--from 7", nil},
	{"--to 0", packetKinds},
	{"--to 7", nil},
	{"--related-to 7", nil},
	{"--related-to 0 -t drop", []string{"drop"}},
	{"--ip 10.0.0.0/24", slices.Concat(ipv4Kinds, tunnelKinds)},
	{"--inner --ip 10.0.0.0/24", ipv4Kinds},
	{"--outer --ip 10.0.0.0/24", tunnelKinds},
	{"--outer --ip 10.0.0.1 --inner --port https", tunnelKinds},
	{"--ip fd00::2 --protocol udp", []string{"query6", "answer6"}},
	{"--ip 192.168.7.0/24", tunnelKinds},
	{"--ip 10.0.0.3", nil},
	{"--src-ip 10.0.0.2", []string{"SYN-ACK", "FIN", "answer", "pong"}},
	{"--inner --dst-ip 10.0.0.2 --not --tcp-flags ACK", clientsKinds},
	{"--port 5300", udpKinds},
	{"--src-port 5300", []string{"answer", "answer6"}},
	{"--dst-port 5300", []string{"query", "query6"}},
	{"--dst-port 443,9999", slices.Concat(tunnelKinds, deniedKinds)},
	{"--protocol tcp", slices.Concat(tcpKinds, tunnelKinds)},
	{"--protocol udp", slices.Concat(udpKinds, deniedKinds, tunnelKinds)},
	{"--protocol icmp", icmpKinds},
	{"--protocol icmpv4", []string{"ping", "pong"}},
	{"--protocol icmpv6", []string{"ping6", "pong6"}},
	{"--tcp-flags SYN --not --tcp-flags ACK", []string{"SYN", "vxlan", "geneve"}},
	{"--tcp-flags FIN", []string{"FIN"}},
	{"--drop-reason 133", []string{"drop"}},
	{"--drop-reason DENIED", []string{"drop"}},
	{"--drop-reason Policy.denied", []string{"drop"}}, // the dot is a space
	{"--not --drop-reason 133", without(allKinds, []string{"drop"})},
	{"--identity unknown", packetKinds},
	{"--identity world", nil},
	{"--verdict deny", []string{"verdict"}},
	{"--verdict allow", nil},
	{"--interface " + serverIndex + " --dst-port 9999", deniedKinds},
	{"--interface " + device + " --dst-port 9999", deniedKinds},
	{"--interface lo", nil},
}

// TestLive sends traffic of all kinds through a pair of devices, of which one has the
// embedded datapath, and watches it in each format and with each filter.
func TestLive(t *testing.T) {
	clientSide, serverSide := vethPair(t)
	a := &agentProcess{agentPaths: newAgentPaths(t)}
	serverSide.Do(func() error { a.process = start(t, program(a.args()...)); return nil })
	a.waitShell()
	deny, err := bpf.ParseRule("udp/" + portDenied)
	require.NoError(t, err)
	serverSide.Do(func() error {
		datapath, err := bpf.Load(bpf.Options{Devices: []string{device}, Deny: []bpf.Rule{deny}, EventsMap: a.eventsMap})
		if err == nil {
			t.Cleanup(func() { require.NoError(t, datapath.Close()) })
		}
		return err
	})
	a.waitStderr("Attached to the events map")

	watches := 0
	watch := func(args ...string) (p *process) {
		serverSide.Do(func() error {
			p = start(t, program(append([]string{"watch", "--monitor-socket-path", a.socket}, args...)...))
			return nil
		})
		watches++
		return p
	}
	dir := t.TempDir()
	recording, packets := filepath.Join(dir, "events"), filepath.Join(dir, "packets.pcapng")
	plain := watch("--record", recording, "--write", packets, "--summary")
	debug := watch("-v")
	verbose := watch("-vv")
	hex := watch("--hex", "-t", "drop")
	jsonLines := watch("--json")
	times := watch("--timestamps")
	jsonTimes := watch("-j", "--timestamps", "-t", "drop")
	color := watch("--color", "always", "-t", "drop,policy-verdict,agent")
	numeric := watch("-o", "cilium", "--numeric", "-t", "drop")
	filtered := make([]*process, len(filterTests))
	for i, test := range filterTests {
		args := strings.Fields(test.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], ".denied", " denied")
		}
		filtered[i] = watch(args...)
	}
	waitUntil(t, func() bool { return len(a.clients()) == watches })

	traffic(t, clientSide, serverSide)
	a.run("monitor/send", "agent", "hello")
	want := slices.Sorted(slices.Values(allKinds))
	waitUntil(t, func() bool {
		kinds, err := kindsOf(plain.stdout.String())
		return err != nil || slices.Equal(kinds, want)
	})
	waitUntil(t, func() bool { // all watches get the rest
		return !slices.ContainsFunc(a.clients(), func(c agent.ClientStats) bool { return c.Lag > 0 })
	})
	a.signal(syscall.SIGTERM)
	a.waitExit(0)
	all := []*process{plain, debug, verbose, hex, jsonLines, times, jsonTimes, color, numeric}
	for _, w := range append(all, filtered...) {
		w.waitStderr("Lost the agent")
	}

	for i, test := range filterTests {
		t.Run("watch "+test.args, func(t *testing.T) {
			requireKinds(t, test.kinds, filtered[i].stdout.String())
		})
	}
	t.Run("each filter is tested", func(t *testing.T) {
		newWatchCommand().Flags().VisitAll(func(f *pflag.Flag) {
			if f.Annotations[groupKey][0] == filterGroup {
				require.True(t, slices.ContainsFunc(filterTests, func(test filterTest) bool {
					return strings.Contains(test.args, "--"+f.Name) || f.Shorthand != "" && strings.Contains(test.args, "-"+f.Shorthand)
				}), "--%s", f.Name)
			}
		})
	})
	t.Run("-v", func(t *testing.T) { requireKinds(t, allKinds, debug.stdout.String()) })
	t.Run("-vv", func(t *testing.T) { checkVerbose(t, verbose.stdout.String()) })
	t.Run("--hex", func(t *testing.T) {
		require.Regexp(t, `^-{70,}\nDROP .*: Policy denied, .*, 48 bytes \(48 captured\), .*\nWhy\t.*\n`+
			`00000000 ( [0-9a-f]{2}){8} ( [0-9a-f]{2}){4} 08 00 45 00  \|.{16}\|\n`+ // EtherType and beginning of IPv4
			`00000010 (.*\n){2}$`, hex.stdout.String())
	})
	t.Run("--json", func(t *testing.T) { checkJSON(t, jsonLines.stdout.String()) })
	t.Run("--timestamps", func(t *testing.T) {
		stamp := regexp.MustCompile(`(?m)^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d) `)
		lines := times.stdout.String()
		require.Len(t, stamp.FindAllString(lines, -1), strings.Count(lines, "\n"))
		requireKinds(t, allKinds, stamp.ReplaceAllString(lines, ""))
		require.Regexp(t, `^\{"time":"20[^"]+",.*"type":"drop",.*\}\n$`, jsonTimes.stdout.String())
	})
	t.Run("--color", func(t *testing.T) {
		const red, off = "\x1b[1;31m", "\x1b[0m"
		text := color.stdout.String()
		require.Contains(t, text, red+"DROP"+off+" 10.0.0.1:")
		require.Contains(t, text, " udp: "+red+"Policy denied"+off+", ")
		require.Contains(t, text, "agent Message: \"hello\"\n")
		text = strings.NewReplacer(red, "", off, "").Replace(text)
		requireKinds(t, []string{"agent", "drop", "verdict"}, text)
	})
	t.Run("-o cilium --numeric", func(t *testing.T) {
		require.Regexp(t, `^xx drop \(Policy denied\) .*, , identity 0->0: 10\.0\.0\.1:\d+ -> 10\.0\.0\.2:9999 udp\n$`, numeric.stdout.String())
	})

	plain.signal(syscall.SIGINT)
	plain.waitExit(0)
	t.Run("--summary", func(t *testing.T) {
		require.Regexp(t, `(?m)^ +1 +\S+/s  drop\n +1 +\S+/s    Policy denied \(133\)\n`, plain.stderr.String())
		require.Regexp(t, `(?m)^ +1 +\S+/s  policy-verdict\n +1 +\S+/s    ingress deny\n`, plain.stderr.String())
		require.Regexp(t, `(?m)^ *\d+ +\S+/s  trace\n( *\d+ +\S+/s    (from|to)-network\n){2}`, plain.stderr.String())
		require.Contains(t, plain.stderr.String(), "events in total")
	})
	t.Run("--write", func(t *testing.T) {
		var comments strings.Builder
		for _, p := range readPackets(t, packets) {
			fmt.Fprintln(&comments, p.comment)
		}
		requireKinds(t, packetKinds, comments.String())
	})
	t.Run("--read", func(t *testing.T) {
		p := run(t, "watch", "--read", recording)
		p.waitExit(0)
		require.Equal(t, plain.stdout.String(), p.stdout.String())
	})
}

func requireKinds(t *testing.T, want []string, lines string) {
	t.Helper()
	kinds, err := kindsOf(lines)
	require.NoError(t, err)
	require.ElementsMatch(t, want, kinds)
}

// checkVerbose checks the layers of some packets.
func checkVerbose(t *testing.T, text string) {
	blocks := strings.Split(text, strings.Repeat("-", 78)+"\n")
	block := func(parts ...string) {
		t.Helper()
		require.True(t, slices.ContainsFunc(blocks, func(b string) bool {
			return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(b, part) })
		}), "%q in\n%s", parts, text)
	}
	block("DROP ", ": Policy denied, ", ", 48 bytes (48 captured), ", "Ethernet", "IPv4", "UDP", "DstPort=9999")
	block("in  ", "TCP", "DstPort=8080", "SYN=true")
	block("in  ", "IPv6", "DstIP=fd00::2", "EchoRequest")
	block("in  ", "DstPort=8472", "VXLAN", "VNI=42", "DstIP=192.168.7.2", "DstPort=443")
	block("in  ", "DstPort=6081", "Geneve", "VNI=42", "DstIP=192.168.7.2", "DstPort=443")
	block(`agent Message: "hello"`)
}

// checkJSON checks that each line is an object, and what scripts look for in it.
func checkJSON(t *testing.T, text string) {
	types := map[string]bool{}
	tunnels := map[string]bool{}
	for line := range strings.Lines(text) {
		var event struct {
			Type, Reason, Interface string
			Ifindex                 any // the name, in traces
			Summary                 struct {
				L3, L4 struct{ Src, Dst string }
				Tunnel map[string]any
			}
		}
		require.NoError(t, json.Unmarshal([]byte(line), &event), line)
		types[event.Type] = true
		switch event.Type {
		case "drop":
			require.Equal(t, "Policy denied", event.Reason)
			require.Equal(t, portDenied, event.Summary.L4.Dst)
			require.Equal(t, serverIPv4, event.Summary.L3.Dst)
			require.Equal(t, device, event.Interface)
		case "trace":
			require.Equal(t, device, event.Ifindex)
		}
		for name := range event.Summary.Tunnel {
			if name == "vxlan" || name == "geneve" {
				tunnels[name] = true
				require.Equal(t, "443", event.Summary.L4.Dst)
			}
		}
	}
	require.Equal(t, []string{"agent", "drop", "policy-verdict", "trace"}, sorted(types))
	require.Equal(t, []string{"geneve", "vxlan"}, sorted(tunnels))
}
