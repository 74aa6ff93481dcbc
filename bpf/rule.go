// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/cidr"
)

// MaxRules is the highest number of deny rules that a datapath takes.
const MaxRules = 64

// ErrBadRule is in the chain of each error about a rule.
var ErrBadRule = errors.New("a rule is [PROTO][/PORT][@CIDR], such as udp/9999, tcp/80@10.0.0.0/8, icmp@fd00::/64 or @192.0.2.7")

// Protocol is what a rule says about the packet's protocol.
type Protocol string

const (
	ProtocolAny  Protocol = ""
	ProtocolTCP  Protocol = "tcp"
	ProtocolUDP  Protocol = "udp"
	ProtocolSCTP Protocol = "sctp"
	ProtocolICMP Protocol = "icmp" // ICMP in IPv4, ICMPv6 in IPv6
)

// anyText stands for ProtocolAny in a rule's text.
const anyText = "any"

// protocolNumbers has the numbers by which the programs know the protocols.
var protocolNumbers = map[Protocol]uint8{
	ProtocolAny:  0,
	ProtocolTCP:  unix.IPPROTO_TCP,
	ProtocolUDP:  unix.IPPROTO_UDP,
	ProtocolSCTP: unix.IPPROTO_SCTP,
	ProtocolICMP: unix.IPPROTO_ICMP,
}

// Rule denies the packets that all of its fields match. The package's
// documentation says what they are compared with.
type Rule struct {
	Protocol Protocol
	Port     uint16       // 0: any
	Remote   netip.Prefix // the zero Prefix: any address of either family
}

// ParseRule reads a rule from its text, [PROTO][/PORT][@CIDR]. A rule that
// would match every packet is refused. Errors wrap [ErrBadRule].
func ParseRule(text string) (Rule, error) {
	rule, err := parseRule(text)
	if err == nil {
		err = rule.validate()
	}
	if err != nil {
		return Rule{}, fmt.Errorf("%q: %w; %w", text, err, ErrBadRule)
	}
	rule.Remote = rule.Remote.Masked()
	return rule, nil
}

func parseRule(text string) (Rule, error) {
	var rule Rule

	rest, remote, hasRemote := strings.Cut(text, "@")
	proto, port, hasPort := strings.Cut(rest, "/")

	if proto != anyText {
		rule.Protocol = Protocol(proto)
	}
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Rule{}, fmt.Errorf("port %q is not a number from 1 to 65535", port)
		}
		rule.Port = uint16(n)
	}
	if hasRemote {
		prefix, err := cidr.Parse(remote)
		if err != nil {
			return Rule{}, err
		}
		rule.Remote = prefix
	}
	return rule, nil
}

func (r Rule) validate() error {
	switch _, known := protocolNumbers[r.Protocol]; {
	case !known:
		return fmt.Errorf("unknown protocol %q: use tcp, udp, sctp, icmp or any", r.Protocol)
	case r.Protocol == ProtocolICMP && r.Port != 0:
		return errors.New("icmp has no ports")
	case r.Remote.Addr().Is4In6():
		return fmt.Errorf("%s is IPv4 inside IPv6: write the IPv4 address", r.Remote)
	case r == Rule{}:
		return errors.New("it would deny every packet: use any@0.0.0.0/0 and any@::/0 to do that")
	}
	return nil
}

// String returns the rule in the form that [ParseRule] reads.
func (r Rule) String() string {
	text := string(r.Protocol)
	if r.Protocol == ProtocolAny {
		text = anyText
	}
	if r.Port != 0 {
		text += "/" + strconv.Itoa(int(r.Port))
	}
	if r.Remote.IsValid() {
		text += "@" + r.Remote.String()
	}
	return text
}

// matchType returns which parts of the rule decide.
func (r Rule) matchType() uint8 {
	l3, port, proto := r.Remote.IsValid(), r.Port != 0, r.Protocol != ProtocolAny
	switch {
	case l3 && port:
		return api.PolicyMatchL3L4
	case l3 && proto:
		return api.PolicyMatchL3Proto
	case l3:
		return api.PolicyMatchL3Only
	case port:
		return api.PolicyMatchL4Only
	default:
		return api.PolicyMatchProtoOnly
	}
}

// entry returns the rule as the programs read it. Policy verdicts tell of it by the number.
func (r Rule) entry(number int) (hostDenyRule, error) {
	if err := r.validate(); err != nil {
		return hostDenyRule{}, fmt.Errorf("deny rule %q: %w", r, err)
	}
	entry := hostDenyRule{
		DstPort:   r.Port,
		Proto:     protocolNumbers[r.Protocol],
		MatchType: r.matchType(),
		Number:    uint8(number),
	}
	if addr := r.Remote.Masked().Addr(); addr.IsValid() {
		entry.Addr = words(addr.AsSlice())
		entry.Mask = words(net.CIDRMask(r.Remote.Bits(), addr.BitLen()))
		entry.Family = 6
		if addr.Is4() {
			entry.Family = 4
		}
	}
	return entry, nil
}

// words returns an address in network byte order as the programs hold it.
func words(addr []byte) (w [4]uint32) {
	for i := range len(addr) / 4 {
		w[i] = binary.NativeEndian.Uint32(addr[4*i:])
	}
	return w
}
