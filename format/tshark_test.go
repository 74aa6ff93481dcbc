// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// protocolOf has tshark's names of our layers.
var protocolOf = map[string]string{
	"Ethernet": "eth", "Dot1Q": "vlan", "LLC": "llc", "MPLS": "mpls", "ARP": "arp", "IPv4": "ip", "IPv6": "ipv6",
	"IPv6HopByHop": "ipv6.hopopts", "IPv6Destination": "ipv6.dstopts", "IPv6Routing": "ipv6.routing", "IPv6Fragment": "ipv6.fraghdr",
	"IPv6Mobility": "mipv6", "HIP": "hip", "Shim6": "shim6", "IPSecAH": "ah", "IPSecESP": "esp",
	"TCP": "tcp", "UDP": "udp", "UDPLite": "udplite", "SCTP": "sctp", "DCCP": "dccp", "ICMPv4": "icmp", "ICMPv6": "icmpv6",
	"IGMP": "igmp", "VRRP": "vrrp", "GRE": "gre", "ERSPAN": "erspan", "PPPoE": "pppoes", "PPP": "ppp", "EtherIP": "etherip", "VXLAN": "vxlan", "Geneve": "geneve",
}

// tsharkFields are compared, by the names that tshark has for them, and where they are in our text: in the layers of
// a name, the field of a name.
var tsharkFields = []struct{ tshark, layers, field string }{
	{"vlan.id ieee8021ad.id ieee8021ad.svid ieee8021ad.cvid", "Dot1Q", "VLANIdentifier"},
	{"mpls.label", "MPLS", "Label"},
	{"ip.src", "IPv4", "SrcIP"},
	{"ip.dst", "IPv4", "DstIP"},
	{"ip.ttl", "IPv4", "TTL"},
	{"ipv6.src", "IPv6", "SrcIP"},
	{"ipv6.dst", "IPv6", "DstIP"},
	{"ipv6.hlim", "IPv6", "HopLimit"},
	{"tcp.srcport", "TCP", "SrcPort"},
	{"tcp.dstport", "TCP", "DstPort"},
	{"tcp.flags.syn", "TCP", "SYN"},
	{"tcp.flags.ack", "TCP", "ACK"},
	{"tcp.flags.fin", "TCP", "FIN"},
	{"tcp.flags.reset", "TCP", "RST"},
	{"udp.srcport", "UDP UDPLite", "SrcPort"},
	{"udp.dstport", "UDP UDPLite", "DstPort"},
	{"sctp.srcport", "SCTP", "SrcPort"},
	{"sctp.dstport", "SCTP", "DstPort"},
	{"dccp.srcport", "DCCP", "SrcPort"},
	{"dccp.dstport", "DCCP", "DstPort"},
	{"vxlan.vni", "VXLAN", "VNI"},
	{"geneve.vni", "Geneve", "VNI"},
	{"ah.spi", "IPSecAH", "SPI"},
	{"esp.spi", "IPSecESP", "SPI"},
}

// view is what one program says of a packet: the protocols, in their order, then the values of tsharkFields.
type view [1 + 24]string

// viewOf returns our view, by the lines of the layers.
func viewOf(lines []string) (v view) {
	var protocols []string
	values := make([][]string, len(tsharkFields))
	for _, line := range lines {
		name, text, _ := strings.Cut(line, "\t")
		if protocol := protocolOf[name]; protocol != "" {
			protocols = append(protocols, protocol)
		}
		for i, f := range tsharkFields {
			if !slices.Contains(strings.Fields(f.layers), name) {
				continue
			}
			if _, value, ok := strings.Cut(text, " "+f.field+"="); ok {
				value = value[:strings.IndexAny(value, " (}")]
				values[i] = append(values[i], tsharkValue(value))
			}
		}
	}
	v[0] = strings.Join(slices.Compact(protocols), ":")
	for i := range tsharkFields {
		v[1+i] = sorted(values[i])
	}
	return v
}

// sorted returns values in an order that does not depend on the fields they are of.
func sorted(values []string) string {
	slices.Sort(values)
	return strings.Join(values, ",")
}

func tsharkValue(value string) string {
	switch value {
	case "true":
		return "1"
	case "false":
		return "0"
	default:
		return value
	}
}

// tsharkViews returns tshark's views.
func tsharkViews(t *testing.T, packets []corpusPacket) []view {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil && os.Geteuid() != 0 {
		t.Skip("needs tshark, which only root can install: make test")
	}
	require.NoError(t, err, "make test installs it")

	var file bytes.Buffer
	w, err := pcapgo.NewNgWriter(&file, layers.LinkTypeEthernet)
	require.NoError(t, err)
	raw, err := w.AddInterface(pcapgo.NgInterface{LinkType: layers.LinkTypeRaw})
	require.NoError(t, err)
	for _, p := range packets {
		ci := gopacket.CaptureInfo{CaptureLength: len(p.captured), Length: p.length}
		if p.flags&api.FlagL3Device != 0 {
			ci.InterfaceIndex = raw
		}
		require.NoError(t, w.WritePacket(ci, p.captured))
	}
	require.NoError(t, w.Flush())
	name := filepath.Join(t.TempDir(), "corpus.pcapng")
	require.NoError(t, os.WriteFile(name, file.Bytes(), 0o600))

	args := []string{
		"-n", "-r", name, "-T", "fields", "-E", "separator=|", "-d", "udp.port==8472,vxlan",
		"-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "ipv6.tso_support:TRUE",
		"-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE", "-e", "frame.protocols",
	}
	for _, f := range tsharkFields {
		for _, name := range strings.Fields(f.tshark) {
			args = append(args, "-e", name)
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var views []view
	for line := range strings.Lines(string(out)) {
		views = append(views, tsharkView(strings.Split(strings.TrimSuffix(line, "\n"), "|")))
	}
	require.Len(t, views, len(packets))
	return views
}

func tsharkView(columns []string) (v view) {
	var protocols []string
	for protocol := range strings.SplitSeq(columns[0], ":") {
		if protocol == "ieee8021ad" {
			protocol = "vlan"
		}
		if slices.Contains(slices.Collect(maps.Values(protocolOf)), protocol) {
			protocols = append(protocols, protocol)
		}
	}
	v[0] = strings.Join(slices.Compact(protocols), ":")
	columns = columns[1:]
	for i, f := range tsharkFields {
		n := len(strings.Fields(f.tshark))
		var values []string
		for value := range strings.SplitSeq(strings.Join(columns[:n], ","), ",") {
			if number, err := strconv.ParseUint(value, 0, 64); err == nil {
				value = strconv.FormatUint(number, 10)
			}
			if value != "" {
				values = append(values, value)
			}
		}
		v[1+i] = sorted(values)
		columns = columns[n:]
	}
	return v
}

// TestTshark holds the dissection against tshark's, with packets of all kinds nested in each other, cut short and
// damaged.
func TestTshark(t *testing.T) {
	packets := corpus(30_000)
	same := make(map[string]int)
	for i, theirs := range tsharkViews(t, packets) {
		p := packets[i]
		lines := layerLines(kind{packet: p.captured, flags: p.flags})
		if difference := differenceOf(lines, theirs); difference != "" {
			explain(t, p, lines, theirs, difference)
			continue
		}
		for protocol := range strings.SplitSeq(theirs[0], ":") {
			same[protocol]++
		}
	}
	for _, known := range tsharkDifferences {
		require.Positive(t, known.found, "listed as a difference, but there is none: %s", known.because)
	}
	for _, protocol := range protocolOf {
		require.Greater(t, same[protocol], 50, "%s is hardly compared", protocol)
	}
}

// differenceOf returns a column in which our view and tshark's differ, "" for none. Of a header that is cut or
// malformed, tshark shows some fields, or none, or not that there is one.
func differenceOf(lines []string, theirs view) string {
	ours, without := viewOf(lines), viewOf(lines)
	if n := len(lines); n > 0 && broken(lines[n-1]) {
		without = viewOf(lines[:n-1])
	}
	for i := range ours {
		switch {
		case theirs[i] == ours[i] || theirs[i] == without[i]:
		case i == 0:
			return "protocols"
		default:
			return tsharkFields[i-1].tshark
		}
	}
	return ""
}

// broken reports whether the line is of a header that is cut or malformed.
func broken(line string) bool { return !strings.HasSuffix(line, "}") }
