// SPDX-License-Identifier: Apache-2.0

package format

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/internal/inert"
	"github.com/cilium/monitor/internal/packet"
)

// appendRecord appends the line of an access log record.
func (f *Formatter) appendRecord(dst []byte, e *Event) []byte {
	r := &e.record
	c := colorNone
	switch r.Verdict {
	case accesslog.VerdictDenied:
		c = colorDrop
	case accesslog.VerdictError:
		c = colorWarn
	case accesslog.VerdictForwarded, accesslog.VerdictRedirected:
	}
	dst = f.appendWord(dst, c, wordL7)
	if t := recordTraffic(e); t.src.IsValid() && t.dst.IsValid() {
		c := packet.Connection{Src: t.src, Dst: t.dst, SrcPort: t.srcPort, DstPort: t.dstPort, HasPorts: t.srcPort != 0 || t.dstPort != 0}
		dst = append(appendEndpoints(dst, &c), ' ')
	}
	dst = inert.Append(dst, l7Protocol(r))
	dst = inert.Append(append(dst, ' '), strings.ToLower(string(r.Type)))
	switch {
	case r.HTTP != nil:
		dst = appendHTTP(append(dst, ' '), r.HTTP)
	case r.Kafka != nil:
		dst = appendKafka(append(dst, ' '), r.Kafka)
	case r.DNS != nil:
		dst = appendDNS(append(dst, ' '), r.DNS)
	case r.L7 != nil:
		for _, key := range slices.Sorted(maps.Keys(r.L7.Fields)) {
			dst = inert.Append(append(dst, ' '), key+":"+r.L7.Fields[key])
		}
	}
	d := details{dst: dst}
	if r.Verdict != "" {
		d.dst = f.end(inert.Append(f.begin(d.next(), c), string(r.Verdict)), c)
	}
	if r.Info != "" {
		d.dst = inert.Append(d.next(), r.Info)
	}
	if r.ObservationPoint != "" && e.brevity < withoutState {
		d.dst = inert.Append(d.next(), strings.ToLower(string(r.ObservationPoint)))
	}
	from, to := &r.SourceEndpoint, &r.DestinationEndpoint
	if e.brevity < withoutEndpoints {
		d.endpoints(from.ID, to.ID)
	}
	if e.brevity < withoutIdentities {
		d.identities(f, api.NumericIdentity(from.Identity), api.NumericIdentity(to.Identity))
	}
	if f.all() {
		d.dst = appendLabels(append(d.next(), "labels "...), from)
		d.dst = appendLabels(append(d.dst, "->"...), to)
	}
	return d.dst
}

func l7Protocol(r *accesslog.LogRecord) string {
	switch {
	case r.HTTP != nil:
		return "http"
	case r.Kafka != nil:
		return "kafka"
	case r.DNS != nil:
		return "dns"
	case r.L7 != nil:
		return r.L7.Proto
	default:
		return "unknown-l7"
	}
}

func appendLabels(dst []byte, e *accesslog.EndpointInfo) []byte {
	dst = append(dst, '[')
	for i, label := range labels(e) {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = inert.Append(dst, label)
	}
	return append(dst, ']')
}

// labels returns the labels of one side as "source:key=value".
func labels(e *accesslog.EndpointInfo) []string {
	texts := make([]string, 0, len(e.Labels))
	for _, l := range e.Labels {
		text := l.Source + ":" + l.Key
		if l.Value != "" {
			text += "=" + l.Value
		}
		texts = append(texts, text)
	}
	return texts
}

func appendHTTP(dst []byte, h *accesslog.LogRecordHTTP) []byte {
	dst = inert.Append(dst, h.Method)
	if h.URL != nil {
		dst = inert.Append(append(dst, ' '), safeURL(h.URL).Redacted())
	}
	if h.Code == 0 { // of a request
		return dst
	}
	return strconv.AppendInt(append(dst, " => "...), int64(h.Code), 10)
}

// safeURL returns a URL whose opaque part has no password, as that of "http:user:password@host"
// can. The other parts are not looked at.
func safeURL(u *url.URL) *url.URL {
	if u == nil || u.Opaque == "" {
		return u
	}
	safe := *u
	safe.Opaque = inert.Redact("//" + u.Opaque)[len("//"):]
	return &safe
}

func appendKafka(dst []byte, k *accesslog.LogRecordKafka) []byte {
	dst = inert.Append(dst, k.APIKey)
	dst = inert.Append(append(dst, " topic "...), k.Topic.Topic)
	return strconv.AppendInt(append(dst, " => "...), int64(k.ErrorCode), 10)
}

func appendDNS(dst []byte, d *accesslog.LogRecordDNS) []byte {
	dst = inert.Append(dst, d.Query)
	sep := byte(' ')
	for _, typ := range d.QTypes {
		dst = append(dst, sep)
		if name, ok := dnsTypes[typ]; ok {
			dst = append(dst, name...)
		} else {
			dst = appendUint(dst, "TYPE", uint64(typ))
		}
		sep = ','
	}
	if d.RCode != 0 {
		dst = strconv.AppendInt(append(dst, " RCode: "...), int64(d.RCode), 10)
		if d.RCode > 0 && d.RCode < 16 {
			dst = append(append(append(dst, " ("...), layers.DNSResponseCode(d.RCode).String()...), ')')
		}
	}
	if len(d.IPs) > 0 {
		dst = appendUint(dst, " TTL: ", uint64(d.TTL))
		dst = append(appendDNSAddresses(append(dst, " Answer: '"...), d), '\'')
	}
	for i, name := range d.CNAMEs {
		if i == 0 {
			dst = append(dst, " CNAMEs: "...)
		} else {
			dst = append(dst, ',')
		}
		dst = inert.Append(dst, name)
	}
	return dst
}

func appendDNSAddresses(dst []byte, d *accesslog.LogRecordDNS) []byte {
	for i, ip := range d.IPs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = inert.Append(dst, ip.String())
	}
	return dst
}

// dnsJSON is an accesslog.LogRecordDNS with the JSON keys that scripts know.
type dnsJSON struct {
	Query             string       `json:"Query,omitempty"`
	IPs               []netip.Addr `json:"IPs,omitempty"`
	TTL               uint32       `json:"TTL,omitempty"`
	CNAMEs            []string     `json:"CNAMEs,omitempty"`
	ObservationSource string       `json:"ObservationSource,omitempty"`
	RCode             int          `json:"RCode,omitempty"`
	QTypes            []uint16     `json:"QTypes,omitempty"`
	AnswerTypes       []uint16     `json:"AnswerTypes,omitempty"`
}

// appendJSONRecord appends the members of an access log record.
func appendJSONRecord(dst []byte, r *accesslog.LogRecord) []byte {
	src, to := &r.SourceEndpoint, &r.DestinationEndpoint
	dst = appendStringMember(dst, "type", "logRecord")
	dst = appendStringMember(dst, "observationPoint", string(r.ObservationPoint))
	dst = appendStringMember(dst, "flowType", string(r.Type))
	dst = appendStringMember(dst, "l7Proto", l7Protocol(r))
	dst = appendUintMember(dst, "srcEpID", src.ID)
	dst = appendStringsMember(dst, "srcEpLabels", labels(src))
	dst = appendUintMember(dst, "srcIdentity", src.Identity)
	dst = appendUintMember(dst, "dstEpID", to.ID)
	dst = appendStringsMember(dst, "dstEpLabels", labels(to))
	dst = appendUintMember(dst, "dstIdentity", to.Identity)
	dst = appendStringMember(dst, "verdict", string(r.Verdict))
	if r.Info != "" {
		dst = appendStringMember(dst, "info", r.Info)
	}
	if r.HTTP != nil {
		http := *r.HTTP
		http.URL = safeURL(http.URL)
		dst = appendAnyMember(dst, "http", &http)
	}
	if r.Kafka != nil {
		dst = appendAnyMember(dst, "kafka", r.Kafka)
	}
	if r.DNS != nil {
		dst = appendAnyMember(dst, "dns", dnsJSON(*r.DNS))
	}
	if r.L7 != nil {
		dst = appendAnyMember(dst, "l7", r.L7)
	}
	return dst
}
