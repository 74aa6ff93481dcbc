// SPDX-License-Identifier: Apache-2.0

package api

import "strconv"

// Observation points of trace samples: where on its way the packet was seen.
const (
	TraceToLxc       = 0 // to an endpoint
	TraceToProxy     = 1
	TraceToHost      = 2
	TraceToStack     = 3
	TraceToOverlay   = 4
	TraceFromLxc     = 5 // from an endpoint
	TraceFromProxy   = 6
	TraceFromHost    = 7
	TraceFromStack   = 8
	TraceFromOverlay = 9
	TraceFromNetwork = 10
	TraceToNetwork   = 11
	TraceFromCrypto  = 12
	TraceToCrypto    = 13
)

// Reasons of trace samples: the state of the connection, or what was done to the packet.
const (
	TraceReasonPolicy         = 0 // a new connection, allowed by policy
	TraceReasonCtEstablished  = 1
	TraceReasonCtReply        = 2
	TraceReasonCtRelated      = 3
	TraceReasonCtReopened     = 4
	TraceReasonUnknown        = 5
	TraceReasonSRv6Encap      = 6
	TraceReasonSRv6Decap      = 7
	TraceReasonEncryptOverlay = 8

	// TraceReasonEncryptMask is the bit of a reason that says the packet was encrypted.
	TraceReasonEncryptMask = 0x80
)

var (
	observationPoints = []string{
		TraceToLxc:       "to-endpoint",
		TraceToProxy:     "to-proxy",
		TraceToHost:      "to-host",
		TraceToStack:     "to-stack",
		TraceToOverlay:   "to-overlay",
		TraceFromLxc:     "from-endpoint",
		TraceFromProxy:   "from-proxy",
		TraceFromHost:    "from-host",
		TraceFromStack:   "from-stack",
		TraceFromOverlay: "from-overlay",
		TraceFromNetwork: "from-network",
		TraceToNetwork:   "to-network",
		TraceFromCrypto:  "from-crypto",
		TraceToCrypto:    "to-crypto",
	}

	traceReasons = []string{
		TraceReasonPolicy:         "new",
		TraceReasonCtEstablished:  "established",
		TraceReasonCtReply:        "reply",
		TraceReasonCtRelated:      "related",
		TraceReasonCtReopened:     "reopened",
		TraceReasonUnknown:        "unknown",
		TraceReasonSRv6Encap:      "srv6-encap",
		TraceReasonSRv6Decap:      "srv6-decap",
		TraceReasonEncryptOverlay: "encrypt-overlay",
	}
)

// ObservationPointName returns the name of an observation point, such as "to-endpoint",
// and the decimal number for one that has none.
func ObservationPointName(point uint8) string {
	if int(point) < len(observationPoints) {
		return observationPoints[point]
	}
	return strconv.Itoa(int(point))
}

// TraceReasonName returns the name of a trace reason, whether or not its encryption bit
// is set, and the decimal number, with that bit, for one that has none.
func TraceReasonName(reason uint8) string {
	if r := reason &^ TraceReasonEncryptMask; int(r) < len(traceReasons) {
		return traceReasons[r]
	}
	return strconv.Itoa(int(reason))
}
