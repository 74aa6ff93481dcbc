// SPDX-License-Identifier: Apache-2.0

package format

import (
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/packet"
)

var policyVerdictType = descriptor{
	decode: decodeSample,
	line:   (*Formatter).appendPolicyVerdict,
	cilium: (*Formatter).appendCiliumPolicyVerdict,
	json:   (*Formatter).appendJSONPolicyVerdict,
	kind: func(e *Event) summaryKind {
		n := &e.sample.PolicyVerdict
		return summaryKind{a: n.Direction(), text: n.Action()}
	},
	kindName: func(k summaryKind) string { return api.PolicyDirectionName(k.a) + " " + k.text },
	packet: func(e *Event) packetInfo {
		n := &e.sample.PolicyVerdict
		return packetInfo{origLen: n.OrigLen, l3: n.IsL3Device()}
	},
	ifindex: func(e *Event) uint32 { return e.sample.PolicyVerdict.Ifindex },
	traffic: func(e *Event) traffic {
		n := &e.sample.PolicyVerdict
		t := traffic{protocol: n.Proto, hasProtocol: n.Proto != 0}
		if n.Proto != packet.ICMPv4 && n.Proto != packet.ICMPv6 { // of which it is the type
			t.dstPort = n.DstPort
		}
		return t
	},
	from: func(e *Event) (uint64, bool) { return policyEndpoint(e, api.PolicyIngress) },
	to:   func(e *Event) (uint64, bool) { return policyEndpoint(e, api.PolicyEgress) },
	hasIdentity: func(e *Event, id uint64) bool {
		return uint64(e.sample.PolicyVerdict.RemoteLabel) == id
	},
	verdict:  func(e *Event) string { return e.sample.PolicyVerdict.Action() },
	verdicts: []string{verdictAllow, verdictDeny, verdictRedirect, verdictAudit},
}

// policyEndpoint returns the local endpoint, which is the source of the sample, of a verdict on
// traffic that does not go in the other direction. Cilium's formatter has it as the source of all traffic, and
// takes the remote identity for an endpoint that the traffic goes to.
func policyEndpoint(e *Event, other uint8) (id uint64, ok bool) {
	n := &e.sample.PolicyVerdict
	return uint64(n.Source), n.Direction() != other
}

func (f *Formatter) appendPolicyVerdict(dst []byte, e *Event) []byte {
	n := &e.sample.PolicyVerdict
	action := n.Action()
	d := details{dst: e.dissection().appendSummary(f.appendWord(dst, actionColor(action), action))}
	if e.brevity < withoutPlace {
		d.place(e, n.Ifindex)
	}
	d = f.appendPolicy(d, e, n)
	return f.appendPacketDetails(d, e, n.Hash, n.OrigLen, n.CapLen).dst
}

// appendPolicy returns d with what a verdict says of the policy, and of the packet if that has not got it; for
// the line of e, which may be the drop that followed, without what drops say as well.
func (f *Formatter) appendPolicy(d details, e *Event, n *api.PolicyVerdictNotify) details {
	ofDrop := n != &e.sample.PolicyVerdict
	c := &e.dissection().Innermost().Connection
	if !c.HasProtocol && n.Proto != 0 {
		d.dst = appendProtocol(d.next(), uint32(n.Proto))
	}
	if !c.HasPorts {
		d.uint("port ", uint64(n.DstPort))
	}
	_, rule := e.DenyRule()
	said := ofDrop && (!f.all() && rule != "" || e.brevity >= withoutEndpoints) // by the rule
	if n.Direction() != 0 && !said {
		d.text("", api.PolicyDirectionName(n.Direction()))
	}
	if n.Verdict > 0 {
		d.uint("to proxy port ", uint64(n.Verdict))
	}
	if n.AuthType != api.AuthTypeDisabled {
		d.text("auth ", api.AuthTypeName(n.AuthType))
	}
	if !ofDrop && e.brevity < withoutEndpoints {
		d.uint("endpoint ", uint64(n.Source))
	}
	if !ofDrop && n.RemoteLabel != 0 && e.brevity < withoutIdentities {
		d.dst = f.appendIdentity(append(d.next(), "remote "...), n.RemoteLabel)
	}
	if !said && e.brevity < withoutState && (n.MatchType() != api.PolicyMatchNone || n.Verdict < 0) {
		d.text("match ", api.PolicyMatchName(n.MatchType()))
	}
	if !ofDrop || e.brevity < withoutState { // else it stands for the reason
		d.rule(e)
	}
	if f.all() && rule == "" {
		d.uint("cookie ", uint64(n.Cookie))
	}
	return d
}

func actionColor(action string) color {
	switch action {
	case "deny":
		return colorDrop
	case "audit":
		return colorWarn
	default:
		return colorNone
	}
}

func (f *Formatter) appendJSONPolicyVerdict(dst []byte, e *Event) []byte {
	n := &e.sample.PolicyVerdict
	dst = appendJSONHead(dst, e, "policy-verdict")
	dst = appendJSONMark(dst, n.Hash)
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = appendUintMember(dst, "remoteLabel", uint64(n.RemoteLabel))
	dst = appendStringMember(dst, "direction", api.PolicyDirectionName(n.Direction()))
	dst = appendStringMember(dst, "action", n.Action())
	dst = appendIntMember(dst, "verdict", int64(n.Verdict))
	dst = appendStringMember(dst, "match", api.PolicyMatchName(n.MatchType()))
	dst = appendStringMember(dst, "auth", api.AuthTypeName(n.AuthType))
	dst = appendUintMember(dst, "proto", uint64(n.Proto))
	dst = appendUintMember(dst, "dstPort", uint64(n.DstPort))
	dst = appendUintMember(dst, "cookie", uint64(n.Cookie))
	if n.Ifindex != 0 {
		dst = appendUintMember(dst, "Ifindex", uint64(n.Ifindex))
		dst = appendStringMember(dst, "interface", e.interfaceName(n.Ifindex))
	}
	dst = appendJSONDenyRule(dst, e)
	return e.dissection().appendJSONSummary(dst)
}
