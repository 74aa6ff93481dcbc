// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"encoding/hex"
	"strings"
)

// traceParentHeader is the header of the W3C's Trace Context that says in which trace a request is.
const traceParentHeader = "Traceparent"

// Lengths of the parts of a traceparent in hex digits.
const (
	traceVersionLen = 2
	traceIDLen      = 32
	traceSpanLen    = 16
	traceFlagsLen   = 2
)

// Values of a traceparent.
const (
	traceVersionInvalid = 0xff
	traceFlagsKnown     = 0x03 // of version 0: sampled, random trace id
)

// traceID returns the id of the trace that a traceparent has, VERSION-TRACE-SPAN-FLAGS; empty if it is not valid.
func traceID(parent string) string {
	version, ok := hexPart(&parent, traceVersionLen)
	if !ok || version[0] == traceVersionInvalid {
		return ""
	}
	trace, ok := hexPart(&parent, traceIDLen)
	if !ok || isZero(trace) {
		return ""
	}
	span, ok := hexPart(&parent, traceSpanLen)
	if !ok || isZero(span) {
		return ""
	}
	flags, ok := hexPart(&parent, traceFlagsLen)
	if !ok || version[0] == 0 && (parent != "" || flags[0] > traceFlagsKnown) {
		return "" // later versions may have more
	}
	return hex.EncodeToString(trace)
}

// hexPart takes the next part of a traceparent, of so many hex digits in lower case.
func hexPart(rest *string, digits int) (part []byte, ok bool) {
	text, after, _ := strings.Cut(*rest, "-")
	*rest = after
	if len(text) != digits || text != strings.ToLower(text) {
		return nil, false
	}
	part, err := hex.DecodeString(text)
	return part, err == nil
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
