// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"

	"github.com/cilium/monitor/api/accesslog"
)

var accessLogType = descriptor{
	lazy:   true,
	decode: func(e *Event) error { return e.record.Decode(e.payload.Data) },
	line:   (*Formatter).appendRecord,
	cilium: (*Formatter).appendCiliumRecord,
	json:   func(_ *Formatter, dst []byte, e *Event) []byte { return appendJSONRecord(dst, &e.record) },
	kind: func(e *Event) summaryKind {
		return summaryKind{text: string(e.record.Type) + " " + l7Protocol(&e.record) + " " + string(e.record.Verdict)}
	},
	kindName: func(k summaryKind) string { return k.text },
	traffic:  recordTraffic,
	from:     func(e *Event) (uint64, bool) { return e.record.SourceEndpoint.ID, true },
	to:       func(e *Event) (uint64, bool) { return e.record.DestinationEndpoint.ID, true },
	hasIdentity: func(e *Event, id uint64) bool {
		return e.record.SourceEndpoint.Identity == id || e.record.DestinationEndpoint.Identity == id
	},
	verdict:  recordVerdict,
	verdicts: []string{verdictAllow, verdictDeny, verdictRedirect, verdictError},
}

// recordTraffic returns who talks to whom by an access log record.
func recordTraffic(e *Event) traffic {
	src, dst := &e.record.SourceEndpoint, &e.record.DestinationEndpoint
	return traffic{
		src: endpointAddr(src, e.record.IPVersion), dst: endpointAddr(dst, e.record.IPVersion),
		srcPort: src.Port, dstPort: dst.Port,
		protocol: uint8(e.record.TransportProtocol), hasProtocol: e.record.TransportProtocol != 0,
	}
}

// recordVerdict returns what filters call the verdict of an access log record.
func recordVerdict(e *Event) string {
	switch e.record.Verdict {
	case accesslog.VerdictForwarded:
		return verdictAllow
	case accesslog.VerdictDenied:
		return verdictDeny
	case accesslog.VerdictRedirected:
		return verdictRedirect
	case accesslog.VerdictError:
		return verdictError
	default:
		return ""
	}
}

// endpointAddr returns the address of one side of an access log record, the zero
// Addr if it has none. An endpoint can have one of each version.
func endpointAddr(e *accesslog.EndpointInfo, version accesslog.IPVersion) netip.Addr {
	text := e.IPv4
	if version == accesslog.VersionIPv6 {
		text = e.IPv6
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}
