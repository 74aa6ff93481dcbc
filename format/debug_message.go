// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

// debugMessages has the words for each subtype of debug samples. {d1} stands for argument
// 1 in a form that the letter decides:
//
//	d  decimal               s  signed decimal        x  hex
//	h  upper 16 bits         l  lower 16 bits
//	H  upper 16 bits, L  lower 16 bits, both from network byte order
//	4  IPv4 address          6  last 4 bytes of an IPv6 address
//	i  security identity     n  IP protocol
//	c  protocol<<8 | connection tracking flags
//	v  connection tracking verdict
//	w  direction             e  errno
//
// Forms that only ciliumDebugMessages has:
//
//	X  hex without 0x        p  last 4 bytes of an IPv6 address, without what is before
//	u  without lower 8 bits  b  lower 8 bits
//	C  c with names          N  name of an interface
//	V  v of lower 8 bits     W  direction of connection tracking
//	E  e without its number
var debugMessages = [...]string{
	api.DebugGeneric:                     "generic message, arg1={d1} ({x1}) arg2={d2} ({x2}) arg3={d3} ({x3})",
	api.DebugLocalDelivery:               "local delivery to endpoint {d1}, source identity {i2}",
	api.DebugEncap:                       "encapsulate for node {d1} ({x1}), source identity {i2}",
	api.DebugLXCFound:                    "local endpoint found: ifindex {d1}, identity {L2}",
	api.DebugPolicyDenied:                "policy denies identity {i1} to identity {i2}",
	api.DebugCTLookup:                    "CT lookup: sport={h1} dport={l1} {c2}",
	api.DebugCTLookupRev:                 "CT reverse lookup: sport={h1} dport={l1} {c2}",
	api.DebugCTMatch:                     "CT entry found: lifetime={d1} revnat={L2}",
	api.DebugCTCreated:                   "CT entry created (1/2): sport={h1} dport={l1} {c2} revnat={L3}",
	api.DebugCTCreated2:                  "CT entry created (2/2): addr={41} revnat={L2}",
	api.DebugICMP6Handle:                 "handle ICMPv6 type {d1}",
	api.DebugICMP6Request:                "ICMPv6 echo request to the router, offset {d1}",
	api.DebugICMP6NS:                     "ICMPv6 neighbor solicitation, target (two words of it) {x1} {x2}",
	api.DebugICMP6TimeExceeded:           "send ICMPv6 time exceeded",
	api.DebugCTVerdict:                   "CT verdict: {v1}, revnat={L2}",
	api.DebugDecap:                       "decapsulate: tunnel id {d1}, flow label {x2}",
	api.DebugPortMap:                     "map port {d1} to {d2}",
	api.DebugErrorRet:                    "BPF function {d1} returned error {s2}",
	api.DebugToHost:                      "to the host, policy-skip={d1}",
	api.DebugToStack:                     "to the stack, policy-skip={d1}",
	api.DebugPktHash:                     "packet hash {d1} ({x1}), selected service {d2}",
	api.DebugLB6LookupFrontend:           "LB6 frontend lookup: addr={61} dport={L2}",
	api.DebugLB6LookupFrontendFail:       "LB6 frontend lookup failed: addr (two words of it) {x1} {x2}",
	api.DebugLB6LookupBackendSlot:        "LB6 backend slot lookup: slot={d1} dport={L2}",
	api.DebugLB6LookupBackendSlotSuccess: "LB6 backend slot found: target={61} port={L2}",
	api.DebugLB6LookupBackendSlotV2Fail:  "LB6 backend slot lookup failed: slot={d1} dport={L2}",
	api.DebugLB6LookupBackendFail:        "LB6 backend lookup failed: backend id {d1}",
	api.DebugLB6ReverseNATLookup:         "LB6 reverse NAT lookup: index {L1}",
	api.DebugLB6ReverseNAT:               "LB6 reverse NAT to addr={61} port={L2}",
	api.DebugLB4LookupFrontend:           "LB4 frontend lookup: addr={41} dport={L2}",
	api.DebugLB4LookupFrontendFail:       "LB4 frontend lookup failed",
	api.DebugLB4LookupBackendSlot:        "LB4 backend slot lookup: slot={d1} dport={L2}",
	api.DebugLB4LookupBackendSlotSuccess: "LB4 backend slot found: target={41} port={L2}",
	api.DebugLB4LookupBackendSlotV2Fail:  "LB4 backend slot lookup failed: slot={d1} dport={L2}",
	api.DebugLB4LookupBackendFail:        "LB4 backend lookup failed: backend id {d1}",
	api.DebugLB4ReverseNATLookup:         "LB4 reverse NAT lookup: index {L1}",
	api.DebugLB4ReverseNAT:               "LB4 reverse NAT to addr={41} port={L2}",
	api.DebugLB4LoopbackSNAT:             "LB4 loopback SNAT from {41} to {42}",
	api.DebugLB4LoopbackSNATRev:          "LB4 loopback reverse SNAT from {41} to {42}",
	api.DebugCTLookup4:                   "CT lookup: addr={41}",
	api.DebugRRBackendSlotSel:            "round-robin backend slot: hash {d1} ({x1}), selected service {d2}",
	api.DebugRevProxyLookup:              "reverse proxy lookup: sport={H1} dport={L1} saddr={42} {n3}",
	api.DebugRevProxyFound:               "reverse proxy entry found: original daddr={41} dport={d2}",
	api.DebugRevProxyUpdate:              "reverse proxy entry updated: sport={H1} dport={L1} saddr={42} {n3}",
	api.DebugL4Policy:                    "L4 policy: proxy port {L1}, {w2}",
	api.DebugNetdevInCluster:             "destination is in the cluster, source identity {i1}",
	api.DebugNetdevEncap4:                "encapsulate: key {41}, identity {i2}",
	api.DebugCTLookup4Part1:              "CT lookup (1/2): {41}:{l3} -> {42}:{h3}",
	api.DebugCTLookup4Part2:              "CT lookup (2/2): {c1} direction={d2} scope={d3}",
	api.DebugCTCreated4:                  "CT entry created: proxy port {h1}, revnat={L1}, source identity {i2}, backend {43}",
	api.DebugCTLookup6Part1:              "CT lookup (1/2): [{61}]:{l3} -> [{62}]:{h3}",
	api.DebugCTLookup6Part2:              "CT lookup (2/2): {c1} direction={d2} scope={d3}",
	api.DebugCTCreated6:                  "CT entry created: proxy port {h1}, revnat={L1}, source identity {i2}",
	api.DebugSkipProxy:                   "skip proxy: tc_index {x1}",
	api.DebugL4Create:                    "L4 policy matched, create CT entry: identity {i1} to {i2}, dport={H3} proto={l3}",
	api.DebugIPIDMapFailed4:              "no identity for {41}",
	api.DebugIPIDMapFailed6:              "no identity for {61}",
	api.DebugIPIDMapSucceed4:             "{41} has identity {i2}",
	api.DebugIPIDMapSucceed6:             "{61} has identity {i2}",
	api.DebugLBStaleCT:                   "stale CT entry: its revnat id {d2}, the service's {d1}",
	api.DebugInheritIdentity:             "identity {i1} inherited from the stack",
	api.DebugSKLookup4:                   "socket lookup: {41}:{l3} -> {42}:{h3}",
	api.DebugSKLookup6:                   "socket lookup: [{61}]:{l3} -> [{62}]:{h3}",
	api.DebugSKAssign:                    "socket assign: {e1}",
	api.DebugL7LB:                        "L7 load balancing from {41} to {42}, proxy port {d3}",
	api.DebugLB6LoopbackSNAT:             "LB6 loopback SNAT from {61} to {62}",
	api.DebugLB6LoopbackSNATRev:          "LB6 loopback reverse SNAT from {61} to {62}",
}

// appendDebugMessage appends what a debug sample says, in words.
func (f *Formatter) appendDebugMessage(dst []byte, e *Event) []byte {
	return f.appendDebugText(dst, debugMessages[:], "unknown message {d0}, arg1={d1} ({x1}) arg2={d2} ({x2}) arg3={d3} ({x3})", e)
}

// appendDebugText appends the text that there is for the subtype of a debug sample, or else unknown, with the
// arguments. {d0} in it is the subtype.
func (f *Formatter) appendDebugText(dst []byte, texts []string, unknown string, e *Event) []byte {
	n := &e.sample.Debug
	text := unknown
	if int(n.SubType) < len(texts) && texts[n.SubType] != "" {
		text = texts[n.SubType]
	}
	args := [...]uint32{uint32(n.SubType), n.Arg1, n.Arg2, n.Arg3}
	for i := 0; i < len(text); i++ {
		if text[i] != '{' {
			dst = append(dst, text[i])
			continue
		}
		dst = f.appendDebugArg(dst, text[i+1], args[text[i+2]-'0'], e)
		i += len("d1}")
	}
	return dst
}

func (f *Formatter) appendDebugArg(dst []byte, form byte, arg uint32, e *Event) []byte {
	switch form {
	case 's':
		return strconv.AppendInt(dst, int64(int32(arg)), 10)
	case 'x':
		return appendHex(dst, uint64(arg))
	case 'h':
		return strconv.AppendUint(dst, uint64(arg>>16), 10)
	case 'l':
		return strconv.AppendUint(dst, uint64(uint16(arg)), 10)
	case 'H':
		return strconv.AppendUint(dst, uint64(fromNetwork(uint16(arg>>16))), 10)
	case 'L':
		return strconv.AppendUint(dst, uint64(fromNetwork(uint16(arg))), 10)
	case '4':
		return netip.AddrFrom4(addrBytes(arg)).AppendTo(dst)
	case '6':
		return appendIPv6End(append(dst, "*:"...), arg)
	case 'i':
		return f.appendIdentity(dst, api.NumericIdentity(arg))
	case 'n':
		return appendProtocol(dst, arg)
	case 'c':
		return appendCTFlags(appendProtocol(dst, arg>>8), " ", uint8(arg))
	case 'v':
		return appendCTVerdict(dst, int32(arg))
	case 'w':
		return append(dst, api.PolicyDirectionName(uint8(arg))...)
	case 'e':
		if arg == 0 {
			return append(dst, "success"...)
		}
		dst = append(dst, syscall.Errno(arg).Error()...)
		return append(appendUint(dst, " (", uint64(arg)), ')')
	case 'd':
		return strconv.AppendUint(dst, uint64(arg), 10)
	default:
		return appendCiliumDebugArg(dst, form, arg, e)
	}
}

func appendProtocol(dst []byte, protocol uint32) []byte {
	for _, p := range protocols {
		if uint32(p.number) == protocol {
			return append(dst, p.name...)
		}
	}
	return appendUint(dst, "proto ", uint64(protocol))
}

// appendCTFlags appends the flags of a connection tracking tuple, if there are any behind sep.
func appendCTFlags(dst []byte, sep string, flags uint8) []byte {
	const (
		out     = 1
		related = 2
	)
	if flags&out != 0 {
		dst = append(append(dst, sep...), "OUT"...)
		sep = ", "
	}
	if flags&related != 0 {
		dst = append(append(dst, sep...), "RELATED"...)
	}
	return dst
}

// ctStates has the names of the states of a connection.
var ctStates = [...]string{"New", "Established", "Reply", "Related"}

// appendCTVerdict appends the state of a connection, or why there is none.
func appendCTVerdict(dst []byte, verdict int32) []byte {
	switch {
	case verdict >= 0 && int(verdict) < len(ctStates):
		return append(dst, ctStates[verdict]...)
	case verdict >= 0 && verdict <= 255:
		return inert.Append(dst, api.DropReason(uint8(verdict)))
	case verdict < 0 && verdict >= -255:
		return inert.Append(dst, api.DropReason(uint8(-verdict)))
	default:
		return strconv.AppendInt(dst, int64(verdict), 10)
	}
}

// appendIPv6End appends the last 4 bytes of an IPv6 address.
func appendIPv6End(dst []byte, arg uint32) []byte {
	b := addrBytes(arg)
	dst = strconv.AppendUint(dst, uint64(binary.BigEndian.Uint16(b[:])), 16)
	return strconv.AppendUint(append(dst, ':'), uint64(binary.BigEndian.Uint16(b[2:])), 16)
}

// fromNetwork returns a 16 bit number that is in network byte order in the memory of
// this host.
func fromNetwork(n uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], n)
	return binary.BigEndian.Uint16(b[:])
}

// addrBytes returns the 4 bytes of an address in the order they have in memory.
func addrBytes(n uint32) (b [4]byte) {
	binary.NativeEndian.PutUint32(b[:], n)
	return b
}
