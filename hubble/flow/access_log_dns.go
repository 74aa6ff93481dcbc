// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/api/accesslog"
)

func dnsMessage(typ accesslog.FlowType, r *accesslog.LogRecordDNS) *flowpb.DNS {
	m := &flowpb.DNS{Query: r.Query, ObservationSource: r.ObservationSource, Qtypes: dnsTypes(r.QTypes)}
	if typ == accesslog.TypeRequest { // which has no answer
		return m
	}
	m.Ips, m.Ttl, m.Cnames = addrTexts(r), r.TTL, r.CNAMEs
	m.Rcode, m.Rrtypes = uint32(r.RCode), dnsTypes(r.AnswerTypes)
	return m
}

// dnsTypes returns the names of types of records.
func dnsTypes(types []uint16) []string {
	names := make([]string, 0, len(types))
	for _, t := range types {
		names = append(names, layers.DNSType(t).String())
	}
	return names
}

func addrTexts(r *accesslog.LogRecordDNS) []string {
	texts := make([]string, 0, len(r.IPs))
	for _, ip := range r.IPs {
		texts = append(texts, ip.String())
	}
	return texts
}

// observedByProxy is the source of records of the DNS proxy.
const observedByProxy = "proxy"

func dnsSummary(typ accesslog.FlowType, r *accesslog.LogRecordDNS) string {
	types := strings.Join(dnsTypes(r.QTypes), ",")
	switch typ {
	case accesslog.TypeRequest:
		return fmt.Sprintf("DNS Query %s %s", r.Query, types)
	case accesslog.TypeResponse:
		source := "Query"
		if r.ObservationSource == observedByProxy {
			source = "Proxy"
		}
		return fmt.Sprintf("DNS Answer %s TTL: %d (%s %s %s)", dnsAnswer(r), r.TTL, source, r.Query, types)
	default:
		return ""
	}
}

// dnsAnswer returns what a response says.
func dnsAnswer(r *accesslog.LogRecordDNS) string {
	if code := layers.DNSResponseCode(r.RCode); code != layers.DNSResponseCodeNoErr {
		return fmt.Sprintf("RCode: %s", code)
	}
	var parts []string
	if len(r.IPs) > 0 {
		parts = append(parts, fmt.Sprintf("%q", strings.Join(addrTexts(r), ",")))
	}
	if len(r.CNAMEs) > 0 {
		parts = append(parts, fmt.Sprintf("CNAMEs: %q", strings.Join(r.CNAMEs, ",")))
	}
	return strings.Join(parts, " ")
}
