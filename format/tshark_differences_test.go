// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"
)

// tsharkDifference is something that tshark sees otherwise.
type tsharkDifference struct {
	because string

	// explains reports whether it is why the protocols differ that ours and theirs are. lines are all that we say.
	explains func(ours, theirs string, lines []string) bool

	found int
}

// tsharkDifferences are all that there are. The first that explains a packet counts.
var tsharkDifferences = []*tsharkDifference{
	{because: "tshark goes by the port of a datagram, ours by what the datapath says and the header that there is", explains: func(ours, theirs string, _ []string) bool {
		for _, overlay := range []string{":vxlan", ":geneve"} {
			if strings.HasPrefix(ours, theirs+overlay) || strings.HasPrefix(theirs, ours+overlay) {
				return true
			}
		}
		return false
	}},
	{because: "tshark sees no length in a service tag", explains: func(ours, theirs string, _ []string) bool {
		return strings.HasSuffix(theirs, "vlan") && strings.HasPrefix(ours, theirs+":llc")
	}},
	{because: "tshark has nothing of two tags if the second is cut", explains: func(ours, theirs string, lines []string) bool {
		return ours == theirs && strings.HasSuffix(ours, "vlan") && broken(lines[len(lines)-1])
	}},
	{because: "tshark takes for an Ethernet pseudowire what is under MPLS labels and is no IP", explains: func(ours, theirs string, _ []string) bool {
		return strings.HasSuffix(ours, "mpls") && strings.HasPrefix(theirs, ours+":eth")
	}},
	{because: "tshark reads IPv6 where IPv4 is announced, Linux does not", explains: func(ours, theirs string, lines []string) bool {
		return strings.HasSuffix(ours, "ip") && strings.HasPrefix(theirs, ours+":ipv6") && strings.Contains(lines[len(lines)-1], "Version=6")
	}},
	{because: "tshark does not read on if a packet of length 0 has hop-by-hop options without the true length, which Linux makes", explains: func(ours, theirs string, lines []string) bool {
		return strings.HasSuffix(theirs, ":ipv6.hopopts") && strings.HasPrefix(ours, theirs+":") && strings.Contains(strings.Join(lines, ""), "Length=0 NextHeader=IPv6HopByHop")
	}},
	{because: "tshark does not read on if the options or segments of an extension header are wrong", explains: func(ours, theirs string, _ []string) bool {
		extension := strings.HasSuffix(theirs, "opts") || strings.HasSuffix(theirs, ":ipv6.routing")
		return extension && strings.HasPrefix(ours, theirs+":")
	}},
	{because: "tshark shows little of what a redirect is about", explains: func(ours, theirs string, lines []string) bool {
		return strings.HasPrefix(ours, theirs) && strings.Contains(strings.Join(lines, ""), "TypeCode=Redirect")
	}},
	{because: "an error of ICMPv6 of an unknown type quotes a packet, too (RFC 4443)", explains: func(ours, theirs string, _ []string) bool {
		return strings.HasSuffix(theirs, "icmpv6") && strings.HasPrefix(ours, theirs+":ipv6")
	}},
	{because: "tshark reads a mobility header in IPv4, where there are none", explains: func(ours, theirs string, _ []string) bool {
		return strings.HasPrefix(theirs, ours+":mipv6") && strings.HasSuffix(ours, "ip")
	}},
	{because: "tshark reads nothing behind the header of HIP", explains: func(ours, theirs string, _ []string) bool {
		return strings.HasSuffix(theirs, ":hip") && strings.HasPrefix(ours, theirs+":")
	}},
	{because: "tshark knows more protocols that PPP carries", explains: func(ours, theirs string, _ []string) bool {
		return strings.HasSuffix(ours, ":ppp") && strings.HasPrefix(theirs, ours+":")
	}},
	{because: "tshark reads on in a version of GRE or EtherIP that there is not", explains: func(ours, theirs string, lines []string) bool {
		last := lines[len(lines)-1]
		return strings.HasPrefix(theirs, ours+":") && strings.HasSuffix(last, "malformed") && (strings.HasPrefix(last, "GRE") || strings.HasPrefix(last, "EtherIP"))
	}},
}

// explain fails the test if there is no reason why tshark's view of a packet is another.
func explain(t *testing.T, p corpusPacket, lines []string, theirs view, difference string) {
	t.Helper()
	ours := viewOf(lines)
	for _, known := range tsharkDifferences {
		if len(lines) > 0 && known.explains(ours[0], theirs[0], lines) {
			known.found++
			return
		}
	}
	t.Errorf("%x, %d bytes, flags %#x: %s\nours:   %q\ntshark: %q", p.captured, p.length, p.flags, difference, ours, theirs)
}
