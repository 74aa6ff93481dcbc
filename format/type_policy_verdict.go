// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/cilium/monitor/api"

var policyVerdictType = descriptor{
	decode: decodeSample,
	line:   (*Formatter).appendPolicyVerdict,
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
	from: func(e *Event) (uint64, bool) { return policyEndpoint(e, api.PolicyEgress) },
	to:   func(e *Event) (uint64, bool) { return policyEndpoint(e, api.PolicyIngress) },
	hasIdentity: func(e *Event, id uint64) bool {
		return uint64(e.sample.PolicyVerdict.RemoteLabel) == id
	},
	verdict:  func(e *Event) string { return e.sample.PolicyVerdict.Action() },
	verdicts: []string{verdictAllow, verdictDeny, verdictRedirect, verdictAudit},
}

// policyEndpoint returns the local endpoint, which is the source of the sample, of a verdict
// on traffic of the direction.
func policyEndpoint(e *Event, direction uint8) (id uint64, ok bool) {
	n := &e.sample.PolicyVerdict
	return uint64(n.Source), n.Direction() == direction
}

func (f *Formatter) appendPolicyVerdict(dst []byte, e *Event) []byte {
	n := &e.sample.PolicyVerdict
	dst = appendHex(append(dst, "Policy verdict log: flow "...), uint64(n.Hash))
	dst = appendUint(dst, " local EP ID ", uint64(n.Source))
	dst = f.appendIdentity(append(dst, ", remote ID "...), n.RemoteLabel)
	dst = appendUint(dst, ", proto ", uint64(n.Proto))
	dst = append(append(dst, ", "...), api.PolicyDirectionName(n.Direction())...)
	dst = append(dst, ", "...)
	action := n.Action()
	c := actionColor(action)
	dst = f.begin(dst, c)
	dst = append(append(dst, "action "...), action...)
	dst = f.end(dst, c)
	dst = append(append(dst, ", auth: "...), api.AuthTypeName(n.AuthType)...)
	dst = append(append(dst, ", match "...), api.PolicyMatchName(n.MatchType())...)
	return e.dissection().appendSummary(append(dst, ", "...))
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
	dst = appendJSONDenyRule(dst, e)
	return e.dissection().appendJSONSummary(dst)
}
