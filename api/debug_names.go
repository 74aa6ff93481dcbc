// SPDX-License-Identifier: Apache-2.0

package api

// Subtypes of debug samples.
const (
	DebugUnspec                      = 0
	DebugGeneric                     = 1
	DebugLocalDelivery               = 2
	DebugEncap                       = 3
	DebugLXCFound                    = 4
	DebugPolicyDenied                = 5
	DebugCTLookup                    = 6
	DebugCTLookupRev                 = 7
	DebugCTMatch                     = 8
	DebugCTCreated                   = 9
	DebugCTCreated2                  = 10
	DebugICMP6Handle                 = 11
	DebugICMP6Request                = 12
	DebugICMP6NS                     = 13
	DebugICMP6TimeExceeded           = 14
	DebugCTVerdict                   = 15
	DebugDecap                       = 16
	DebugPortMap                     = 17
	DebugErrorRet                    = 18
	DebugToHost                      = 19
	DebugToStack                     = 20
	DebugPktHash                     = 21
	DebugLB6LookupFrontend           = 22
	DebugLB6LookupFrontendFail       = 23
	DebugLB6LookupBackendSlot        = 24
	DebugLB6LookupBackendSlotSuccess = 25
	DebugLB6LookupBackendSlotV2Fail  = 26
	DebugLB6LookupBackendFail        = 27
	DebugLB6ReverseNATLookup         = 28
	DebugLB6ReverseNAT               = 29
	DebugLB4LookupFrontend           = 30
	DebugLB4LookupFrontendFail       = 31
	DebugLB4LookupBackendSlot        = 32
	DebugLB4LookupBackendSlotSuccess = 33
	DebugLB4LookupBackendSlotV2Fail  = 34
	DebugLB4LookupBackendFail        = 35
	DebugLB4ReverseNATLookup         = 36
	DebugLB4ReverseNAT               = 37
	DebugLB4LoopbackSNAT             = 38
	DebugLB4LoopbackSNATRev          = 39
	DebugCTLookup4                   = 40
	DebugRRBackendSlotSel            = 41
	DebugRevProxyLookup              = 42
	DebugRevProxyFound               = 43
	DebugRevProxyUpdate              = 44
	DebugL4Policy                    = 45
	DebugNetdevInCluster             = 46
	DebugNetdevEncap4                = 47
	DebugCTLookup4Part1              = 48
	DebugCTLookup4Part2              = 49
	DebugCTCreated4                  = 50
	DebugCTLookup6Part1              = 51
	DebugCTLookup6Part2              = 52
	DebugCTCreated6                  = 53
	DebugSkipProxy                   = 54
	DebugL4Create                    = 55
	DebugIPIDMapFailed4              = 56
	DebugIPIDMapFailed6              = 57
	DebugIPIDMapSucceed4             = 58
	DebugIPIDMapSucceed6             = 59
	DebugLBStaleCT                   = 60
	DebugInheritIdentity             = 61
	DebugSKLookup4                   = 62
	DebugSKLookup6                   = 63
	DebugSKAssign                    = 64
	DebugL7LB                        = 65
	DebugLB6LoopbackSNAT             = 66
	DebugLB6LoopbackSNATRev          = 67
)

var debugNames = [...]string{
	DebugUnspec:                      "unspec",
	DebugGeneric:                     "generic",
	DebugLocalDelivery:               "local-delivery",
	DebugEncap:                       "encap",
	DebugLXCFound:                    "lxc-found",
	DebugPolicyDenied:                "policy-denied",
	DebugCTLookup:                    "ct-lookup",
	DebugCTLookupRev:                 "ct-lookup-rev",
	DebugCTMatch:                     "ct-match",
	DebugCTCreated:                   "ct-created",
	DebugCTCreated2:                  "ct-created2",
	DebugICMP6Handle:                 "icmp6-handle",
	DebugICMP6Request:                "icmp6-request",
	DebugICMP6NS:                     "icmp6-ns",
	DebugICMP6TimeExceeded:           "icmp6-time-exceeded",
	DebugCTVerdict:                   "ct-verdict",
	DebugDecap:                       "decap",
	DebugPortMap:                     "port-map",
	DebugErrorRet:                    "error-ret",
	DebugToHost:                      "to-host",
	DebugToStack:                     "to-stack",
	DebugPktHash:                     "pkt-hash",
	DebugLB6LookupFrontend:           "lb6-lookup-frontend",
	DebugLB6LookupFrontendFail:       "lb6-lookup-frontend-fail",
	DebugLB6LookupBackendSlot:        "lb6-lookup-backend-slot",
	DebugLB6LookupBackendSlotSuccess: "lb6-lookup-backend-slot-success",
	DebugLB6LookupBackendSlotV2Fail:  "lb6-lookup-backend-slot-v2-fail",
	DebugLB6LookupBackendFail:        "lb6-lookup-backend-fail",
	DebugLB6ReverseNATLookup:         "lb6-reverse-nat-lookup",
	DebugLB6ReverseNAT:               "lb6-reverse-nat",
	DebugLB4LookupFrontend:           "lb4-lookup-frontend",
	DebugLB4LookupFrontendFail:       "lb4-lookup-frontend-fail",
	DebugLB4LookupBackendSlot:        "lb4-lookup-backend-slot",
	DebugLB4LookupBackendSlotSuccess: "lb4-lookup-backend-slot-success",
	DebugLB4LookupBackendSlotV2Fail:  "lb4-lookup-backend-slot-v2-fail",
	DebugLB4LookupBackendFail:        "lb4-lookup-backend-fail",
	DebugLB4ReverseNATLookup:         "lb4-reverse-nat-lookup",
	DebugLB4ReverseNAT:               "lb4-reverse-nat",
	DebugLB4LoopbackSNAT:             "lb4-loopback-snat",
	DebugLB4LoopbackSNATRev:          "lb4-loopback-snat-rev",
	DebugCTLookup4:                   "ct-lookup4",
	DebugRRBackendSlotSel:            "rr-backend-slot-sel",
	DebugRevProxyLookup:              "rev-proxy-lookup",
	DebugRevProxyFound:               "rev-proxy-found",
	DebugRevProxyUpdate:              "rev-proxy-update",
	DebugL4Policy:                    "l4-policy",
	DebugNetdevInCluster:             "netdev-in-cluster",
	DebugNetdevEncap4:                "netdev-encap4",
	DebugCTLookup4Part1:              "ct-lookup4-1",
	DebugCTLookup4Part2:              "ct-lookup4-2",
	DebugCTCreated4:                  "ct-created4",
	DebugCTLookup6Part1:              "ct-lookup6-1",
	DebugCTLookup6Part2:              "ct-lookup6-2",
	DebugCTCreated6:                  "ct-created6",
	DebugSkipProxy:                   "skip-proxy",
	DebugL4Create:                    "l4-create",
	DebugIPIDMapFailed4:              "ip-id-map-failed4",
	DebugIPIDMapFailed6:              "ip-id-map-failed6",
	DebugIPIDMapSucceed4:             "ip-id-map-succeed4",
	DebugIPIDMapSucceed6:             "ip-id-map-succeed6",
	DebugLBStaleCT:                   "lb-stale-ct",
	DebugInheritIdentity:             "inherit-identity",
	DebugSKLookup4:                   "sk-lookup4",
	DebugSKLookup6:                   "sk-lookup6",
	DebugSKAssign:                    "sk-assign",
	DebugL7LB:                        "l7-lb",
	DebugLB6LoopbackSNAT:             "lb6-loopback-snat",
	DebugLB6LoopbackSNATRev:          "lb6-loopback-snat-rev",
}

// DebugName returns the name of a subtype of debug samples, such as "ct-lookup", else
// "unknown(N)".
func DebugName(subType uint8) string { return nameOf(debugNames[:], subType) }
