// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strconv"
	"syscall"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

// ciliumDebugMessages has the texts of Cilium for each subtype of debug samples, in the form of
// debugMessages.
var ciliumDebugMessages = [...]string{
	api.DebugGeneric:                     "No message, arg1={d1} ({x1}) arg2={d2} ({x2}) arg3={d3} ({x3})",
	api.DebugLocalDelivery:               "Attempting local delivery for container id {d1} from seclabel {d2}",
	api.DebugEncap:                       "Encapsulating to node {d1} ({x1}) from seclabel {d2}",
	api.DebugLXCFound:                    "Local container found ifindex {N1} seclabel {L2}",
	api.DebugPolicyDenied:                "Policy evaluation would deny packet from {d1} to {d2}",
	api.DebugCTLookup:                    "CT lookup: sport={h1} dport={l1} {C2}",
	api.DebugCTLookupRev:                 "CT reverse lookup: sport={h1} dport={l1} {C2}",
	api.DebugCTMatch:                     "CT entry found lifetime={d1}, revnat={L2}",
	api.DebugCTCreated:                   "CT created 1/2: sport={h1} dport={l1} {C2} revnat={L3}",
	api.DebugCTCreated2:                  "CT created 2/2: {41} revnat={L2}",
	api.DebugICMP6Handle:                 "Handling ICMPv6 type={d1}",
	api.DebugICMP6Request:                "ICMPv6 echo request for router offset={d1}",
	api.DebugICMP6NS:                     "ICMPv6 neighbour solicitation for address {X1}:{X2}",
	api.DebugICMP6TimeExceeded:           "Sending ICMPv6 time exceeded",
	api.DebugCTVerdict:                   "CT verdict: {V1}, revnat={L2}",
	api.DebugDecap:                       "Tunnel decap: id={d1} flowlabel={X2}",
	api.DebugPortMap:                     "Mapping port from={d1} to={d2}",
	api.DebugErrorRet:                    "BPF function {d1} returned error {d2}",
	api.DebugToHost:                      "Going to host, policy-skip={d1}",
	api.DebugToStack:                     "Going to the stack, policy-skip={d1}",
	api.DebugPktHash:                     "Packet hash={d1} ({x1}), selected_service={d2}",
	api.DebugLB6LookupFrontend:           "Frontend service lookup, addr.p4={X1} key.dport={L2}",
	api.DebugLB6LookupFrontendFail:       "Frontend service lookup failed, addr.p2={X1} addr.p3={X2}",
	api.DebugLB6LookupBackendSlot:        "Service backend slot lookup: slot={d1}, dport={L2}",
	api.DebugLB6LookupBackendSlotSuccess: "Service backend slot lookup result: target.p4={X1} port={L2}",
	api.DebugLB6LookupBackendSlotV2Fail:  "Service backend slot lookup failed: slot={d1}, dport={L2}",
	api.DebugLB6LookupBackendFail:        "Backend service lookup failed: backend_id={d1}",
	api.DebugLB6ReverseNATLookup:         "Reverse NAT lookup, index={L1}",
	api.DebugLB6ReverseNAT:               "Performing reverse NAT, address.p4={X1} port={L2}",
	api.DebugLB4LookupFrontend:           "Frontend service lookup, addr={41} key.dport={L2}",
	api.DebugLB4LookupFrontendFail:       "Frontend service lookup failed",
	api.DebugLB4LookupBackendSlot:        "Service backend slot lookup: slot={d1}, dport={L2}",
	api.DebugLB4LookupBackendSlotSuccess: "Service backend slot lookup result: target={41} port={L2}",
	api.DebugLB4LookupBackendSlotV2Fail:  "Service backend slot lookup failed: slot={d1}, dport={L2}",
	api.DebugLB4LookupBackendFail:        "Backend service lookup failed: backend_id={d1}",
	api.DebugLB4ReverseNATLookup:         "Reverse NAT lookup, index={L1}",
	api.DebugLB4ReverseNAT:               "Performing reverse NAT, address={41} port={L2}",
	api.DebugLB4LoopbackSNAT:             "Loopback SNAT from={41} to={42}",
	api.DebugLB4LoopbackSNATRev:          "Loopback reverse SNAT from={41} to={42}",
	api.DebugCTLookup4:                   "CT lookup address: {41}",
	api.DebugRRBackendSlotSel:            "RR backend slot selection hash={d1} ({x1}), selected_service={d2}",
	api.DebugRevProxyLookup:              "Reverse proxy lookup sport={H1} dport={L1} saddr={42} nexthdr={d3}",
	api.DebugRevProxyFound:               "Reverse proxy entry found, orig-daddr={41} orig-dport={d2}",
	api.DebugRevProxyUpdate:              "Reverse proxy updated sport={H1} dport={L1} saddr={42} nexthdr={d3}",
	api.DebugL4Policy:                    "Resolved L4 policy to: {L1} / {W2}",
	api.DebugNetdevInCluster:             "Destination is inside cluster prefix, source identity: {d1}",
	api.DebugNetdevEncap4:                "Attempting encapsulation, lookup key: {41}, identity: {d2}",
	api.DebugCTLookup4Part1:              "Conntrack lookup 1/2: src={41}:{l3} dst={42}:{h3}",
	api.DebugCTLookup4Part2:              "Conntrack lookup 2/2: nexthdr={u1} flags={b1} dir={d2} scope={d3}",
	api.DebugCTCreated4:                  "Conntrack create: proxy-port={h1} revnat={L1} src-identity={d2} lb={43}",
	api.DebugCTLookup6Part1:              "Conntrack lookup 1/2: src=[::{p1}]:{l3} dst=[::{p2}]:{h3}",
	api.DebugCTLookup6Part2:              "Conntrack lookup 2/2: nexthdr={u1} flags={b1} dir={d2} scope={d3}",
	api.DebugCTCreated6:                  "Conntrack create: proxy-port={h1} revnat={L1} src-identity={d2}",
	api.DebugSkipProxy:                   "Skipping proxy, tc_index is set={X1}",
	api.DebugL4Create:                    "Matched L4 policy; creating conntrack src={d1} dst={d2} dport={H3} proto={b3}",
	api.DebugIPIDMapFailed4:              "Failed to map addr={41} to identity",
	api.DebugIPIDMapFailed6:              "Failed to map addr.p4=[::{p1}] to identity",
	api.DebugIPIDMapSucceed4:             "Successfully mapped addr={41} to identity={d2}",
	api.DebugIPIDMapSucceed6:             "Successfully mapped addr.p4=[::{p1}] to identity={d2}",
	api.DebugLBStaleCT:                   "Stale CT entry found stale_ct.rev_nat_id={d2}, svc.rev_nat_id={d1}",
	api.DebugInheritIdentity:             "Inheriting identity={d1} from stack",
	api.DebugSKLookup4:                   "Socket lookup: src={41}:{l3} dst={42}:{h3}",
	api.DebugSKLookup6:                   "Socket lookup: src=[::{p1}]:{l3} dst=[::{p2}]:{h3}",
	api.DebugSKAssign:                    "Socket assign: {E1}",
	api.DebugL7LB:                        "L7 LB from {41} to {42}: proxy port {d3}",
	api.DebugLB6LoopbackSNAT:             "Loopback SNAT from.p4={X1} to.p4={X2}",
	api.DebugLB6LoopbackSNATRev:          "Loopback reverse SNAT from.p4={X1} to.p4={X2}",
}

// appendCiliumDebugMessage appends what a debug sample says.
func (f *Formatter) appendCiliumDebugMessage(dst []byte, e *Event) []byte {
	return f.appendDebugText(dst, ciliumDebugMessages[:], "Unknown message type={d0} arg1={d1} arg2={d2}", e)
}

// appendCiliumDebugArg appends an argument in a form that only ciliumDebugMessages has.
func appendCiliumDebugArg(dst []byte, form byte, arg uint32, e *Event) []byte {
	switch form {
	case 'X':
		return strconv.AppendUint(dst, uint64(arg), 16)
	case 'p':
		return appendIPv6End(dst, arg)
	case 'u':
		return strconv.AppendUint(dst, uint64(arg>>8), 10)
	case 'b':
		return strconv.AppendUint(dst, uint64(uint8(arg)), 10)
	case 'C':
		dst = append(appendUint(dst, "nexthdr=", uint64(arg>>8)), " flags="...)
		return appendCTFlags(dst, "", uint8(arg))
	case 'N':
		return inert.Append(dst, e.interfaceName(arg))
	case 'V':
		if int(arg) < len(ctStates) {
			return append(dst, ctStates[arg]...)
		}
		return inert.Append(dst, api.DropReason(uint8(arg)))
	case 'W':
		directions := [...]string{"egress", "ingress"}
		if int(arg) < len(directions) {
			dst = append(dst, directions[arg]...)
		}
		return dst
	default: // E
		if arg == 0 {
			return append(dst, "Success"...)
		}
		return append(dst, syscall.Errno(arg).Error()...)
	}
}
