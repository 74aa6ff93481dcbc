// SPDX-License-Identifier: Apache-2.0

package format

import (
	"maps"
	"slices"
	"strconv"

	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/internal/inert"
)

// appendCiliumRecord appends an access log record. Of a protocol that Cilium does not know, the line
// has no end.
func (f *Formatter) appendCiliumRecord(dst []byte, e *Event) []byte {
	r := &e.record
	dst = f.appendTime(dst)
	if r.Type == accesslog.TypeRequest || r.Type == accesslog.TypeResponse {
		dst = appendRecordHead(dst, r)
		dst = appendUint(dst, ", identity ", r.SourceEndpoint.Identity)
		dst = appendUint(dst, "->", r.DestinationEndpoint.Identity)
		dst = inert.Append(append(dst, ", verdict "...), string(r.Verdict))
	}
	if r.HTTP != nil {
		dst = appendCiliumHTTP(append(dst, ' '), r.HTTP)
	}
	if r.Kafka != nil {
		dst = append(appendKafka(append(dst, ' '), r.Kafka), '\n')
	}
	if r.DNS != nil {
		dst = append(appendCiliumDNS(dst, r.Type, r.DNS), '\n')
	}
	if r.L7 != nil {
		dst = append(appendCiliumFields(dst, r.L7.Fields), '\n')
	}
	return dst
}

// appendRecordHead appends what a record is, and the endpoints.
func appendRecordHead(dst []byte, r *accesslog.LogRecord) []byte {
	switch r.ObservationPoint {
	case accesslog.Ingress:
		dst = append(dst, "<- "...)
	case accesslog.Egress:
		dst = append(dst, "-> "...)
	default:
		dst = append(dst, "?? "...)
	}
	dst = inert.Append(dst, string(r.Type))
	dst = inert.Append(append(dst, ' '), l7Protocol(r))
	// Source is who sent this message. A response names first whom it answers.
	to, from := &r.DestinationEndpoint, &r.SourceEndpoint
	if r.Type == accesslog.TypeResponse {
		dst = appendEndpoint(append(dst, " to "...), to)
		dst = appendEndpoint(append(dst, " from "...), from)
	} else {
		dst = appendEndpoint(append(dst, " from "...), from)
		dst = appendEndpoint(append(dst, " to "...), to)
	}
	return dst
}

// appendEndpoint appends id and labels.
func appendEndpoint(dst []byte, e *accesslog.EndpointInfo) []byte {
	dst = append(appendUint(dst, "", e.ID), " ("...)
	return append(appendLabels(dst, e), ')')
}

func appendCiliumHTTP(dst []byte, h *accesslog.LogRecordHTTP) []byte {
	dst = append(inert.Append(dst, h.Method), ' ')
	if h.URL != nil {
		dst = inert.Append(dst, safeURL(h.URL).Redacted())
	}
	return append(strconv.AppendInt(append(dst, " => "...), int64(h.Code), 10), '\n')
}

func appendCiliumDNS(dst []byte, typ accesslog.FlowType, d *accesslog.LogRecordDNS) []byte {
	if typ != accesslog.TypeRequest && typ != accesslog.TypeResponse {
		return dst
	}
	dst = inert.Append(append(dst, " DNS "...), d.ObservationSource)
	dst = append(inert.Append(append(dst, ": "...), d.Query), ' ')
	for i, qtype := range d.QTypes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, dnsTypes[qtype]...)
	}
	if typ == accesslog.TypeRequest {
		return dst
	}
	dst = appendDNSAddresses(append(appendUint(dst, " TTL: ", uint64(d.TTL)), " Answer: '"...), d)
	dst = append(dst, '\'')
	for i, name := range d.CNAMEs {
		sep := ","
		if i == 0 {
			sep = " CNAMEs: "
		}
		dst = inert.Append(append(dst, sep...), name)
	}
	return dst
}

// appendCiliumFields appends the fields of another protocol, the status last. Cilium has the others in
// whatever order.
func appendCiliumFields(dst []byte, fields map[string]string) []byte {
	const status = "status"
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if key != status {
			dst = inert.Append(append(dst, ' '), key+":"+fields[key])
		}
	}
	if fields[status] != "" {
		dst = inert.Append(append(dst, " => status:"...), fields[status])
	}
	return dst
}
