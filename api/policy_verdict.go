// SPDX-License-Identifier: Apache-2.0

package api

import "encoding/binary"

// Flags of policy-verdict samples.
const (
	PolicyVerdictFlagDirection = 0x03 // PolicyIngress or PolicyEgress
	PolicyVerdictFlagIPv6      = 0x04
	PolicyVerdictFlagMatchType = 0x38 // shifted by 3, see [PolicyMatchName]
	PolicyVerdictFlagAudited   = 0x40 // allowed by audit mode alone
	PolicyVerdictFlagL3Device  = 0x80 // no Ethernet header

	policyVerdictMatchTypeShift = 3
)

// Directions of a policy verdict.
const (
	PolicyIngress = 1
	PolicyEgress  = 2
)

// Match types of a policy verdict: what of a policy the packet matched.
const (
	PolicyMatchNone      = 0
	PolicyMatchL3Only    = 1
	PolicyMatchL3L4      = 2
	PolicyMatchL4Only    = 3
	PolicyMatchAll       = 4
	PolicyMatchL3Proto   = 5
	PolicyMatchProtoOnly = 6
)

// Authentication types of a policy verdict.
const (
	AuthTypeDisabled       = 0
	AuthTypeSpire          = 1
	AuthTypeTestAlwaysFail = 2
)

var (
	policyDirections = []string{PolicyIngress: "ingress", PolicyEgress: "egress"}

	policyMatches = []string{
		PolicyMatchNone:      "none",
		PolicyMatchL3Only:    "L3-Only",
		PolicyMatchL3L4:      "L3-L4",
		PolicyMatchL4Only:    "L4-Only",
		PolicyMatchAll:       "all",
		PolicyMatchL3Proto:   "L3-Proto",
		PolicyMatchProtoOnly: "Proto-Only",
	}

	authTypes = []string{
		AuthTypeDisabled:       "disabled",
		AuthTypeSpire:          "spire",
		AuthTypeTestAlwaysFail: "test-always-fail",
	}
)

// PolicyDirectionName returns "ingress" or "egress", else "unknown(N)".
func PolicyDirectionName(direction uint8) string { return nameOf(policyDirections, direction) }

// PolicyMatchName returns the name of a match type, such as "L3-L4", else "unknown(N)".
func PolicyMatchName(matchType uint8) string { return nameOf(policyMatches, matchType) }

// AuthTypeName returns the name of an authentication type, else "unknown(N)".
func AuthTypeName(authType uint8) string { return nameOf(authTypes, authType) }

var policyVerdictLayout = layout{MessageTypePolicyVerdict, []int{40, 40}}

// Where a verdict has Ifindex: in what is padding in those of Cilium's datapath. docs/packets.md has these bytes.
const (
	offPolicyVerdictIfindexed = 29 // policyVerdictIfindexed
	offPolicyVerdictIfindex   = 36

	policyVerdictIfindexed = "ifx"
)

// PolicyVerdictNotify is what the policy decided on a packet (type 5). The packet data
// follows.
type PolicyVerdictNotify struct {
	Type        uint8
	SubType     uint8
	Source      uint16 // local endpoint id
	Hash        uint32
	OrigLen     uint32 // length of the packet in bytes
	CapLen      uint16 // captured bytes of it
	Version     uint8  // 0 or 1, which have the same layout
	ExtVersion  uint8  // see [RegisterExtension]
	RemoteLabel NumericIdentity
	Verdict     int32  // < 0: deny, 0: allow, > 0: redirect to this proxy port
	DstPort     uint16 // host byte order
	Proto       uint8  // IP protocol number
	Flags       uint8  // PolicyVerdictFlag constants
	AuthType    uint8  // see [AuthTypeName]
	Cookie      uint32
	Ifindex     uint32 // of the network interface, 0 if it is not known: this module's datapath tells it
}

// Decode sets all fields from a sample. After an error n is unchanged.
func (n *PolicyVerdictNotify) Decode(sample []byte) error {
	if err := policyVerdictLayout.check(sample); err != nil {
		return err
	}
	*n = PolicyVerdictNotify{
		RemoteLabel: NumericIdentity(binary.NativeEndian.Uint32(sample[16:])),
		Verdict:     int32(binary.NativeEndian.Uint32(sample[20:])),
		DstPort:     binary.NativeEndian.Uint16(sample[24:]),
		Proto:       sample[26],
		Flags:       sample[27],
		AuthType:    sample[28],
		Cookie:      binary.NativeEndian.Uint32(sample[32:]),
	}
	getHeader(sample, &n.Type, &n.SubType, &n.Source, &n.Hash, &n.OrigLen, &n.CapLen, &n.Version, &n.ExtVersion)
	if string(sample[offPolicyVerdictIfindexed:offPolicyVerdictIfindexed+len(policyVerdictIfindexed)]) == policyVerdictIfindexed {
		n.Ifindex = binary.NativeEndian.Uint32(sample[offPolicyVerdictIfindex:])
	}
	return nil
}

// Append appends the DataOffset bytes of n to dst; padding and the bytes of an extension
// are 0. The caller appends n.CapLen bytes of packet data.
func (n *PolicyVerdictNotify) Append(dst []byte) []byte {
	dst, b := appendZeros(dst, n.DataOffset())
	putHeader(b, n.Type, n.SubType, n.Source, n.Hash, n.OrigLen, n.CapLen, n.Version, n.ExtVersion)
	binary.NativeEndian.PutUint32(b[16:], uint32(n.RemoteLabel))
	binary.NativeEndian.PutUint32(b[20:], uint32(n.Verdict))
	binary.NativeEndian.PutUint16(b[24:], n.DstPort)
	b[26] = n.Proto
	b[27] = n.Flags
	b[28] = n.AuthType
	binary.NativeEndian.PutUint32(b[32:], n.Cookie)
	if n.Ifindex != 0 {
		copy(b[offPolicyVerdictIfindexed:], policyVerdictIfindexed)
		binary.NativeEndian.PutUint32(b[offPolicyVerdictIfindex:], n.Ifindex)
	}
	return dst
}

// DataOffset returns where the packet data begins, in bytes from the start of the sample.
func (n *PolicyVerdictNotify) DataOffset() int {
	return policyVerdictLayout.encodedLen(n.Version, n.ExtVersion)
}

// PacketData returns the n.CapLen captured bytes of the sample that n was decoded from,
// without padding. They share the sample's memory.
func (n *PolicyVerdictNotify) PacketData(sample []byte) ([]byte, error) {
	return policyVerdictLayout.packetData(sample, n.Version, n.ExtVersion, n.CapLen)
}

// Direction returns [PolicyIngress] or [PolicyEgress].
func (n *PolicyVerdictNotify) Direction() uint8 { return n.Flags & PolicyVerdictFlagDirection }

// MatchType returns what of a policy the packet matched, see [PolicyMatchName].
func (n *PolicyVerdictNotify) MatchType() uint8 {
	return n.Flags & PolicyVerdictFlagMatchType >> policyVerdictMatchTypeShift
}

// IsIPv6 reports whether the packet is IPv6.
func (n *PolicyVerdictNotify) IsIPv6() bool { return n.Flags&PolicyVerdictFlagIPv6 != 0 }

// IsAudited reports whether the packet was allowed by audit mode alone.
func (n *PolicyVerdictNotify) IsAudited() bool { return n.Flags&PolicyVerdictFlagAudited != 0 }

// IsL3Device reports whether the packet has no Ethernet header.
func (n *PolicyVerdictNotify) IsL3Device() bool { return n.Flags&PolicyVerdictFlagL3Device != 0 }

// Action returns what became of the packet: "audit", "deny", "redirect" or "allow".
func (n *PolicyVerdictNotify) Action() string {
	switch {
	case n.IsAudited():
		return "audit"
	case n.Verdict < 0:
		return "deny"
	case n.Verdict > 0:
		return "redirect"
	default:
		return "allow"
	}
}
