// SPDX-License-Identifier: Apache-2.0

// Package accesslog has the access log records of layer 7 proxies (message type 129).
package accesslog

import (
	"net/http"
	"net/netip"
	"net/url"
)

// FlowType is what a record is about.
type FlowType string

const (
	TypeRequest  FlowType = "Request"
	TypeResponse FlowType = "Response"
	TypeSample   FlowType = "Sample" // a packet
)

// FlowVerdict is what became of a flow.
type FlowVerdict string

const (
	VerdictForwarded  FlowVerdict = "Forwarded"
	VerdictDenied     FlowVerdict = "Denied"
	VerdictError      FlowVerdict = "Error"
	VerdictRedirected FlowVerdict = "Redirected"
)

// ObservationPoint is where a flow was observed.
type ObservationPoint string

const (
	Ingress ObservationPoint = "Ingress"
	Egress  ObservationPoint = "Egress"
)

// IPVersion is the version of IP of a flow. 0 is IPv4.
type IPVersion uint8

const (
	VersionIPv4 IPVersion = 0
	VersionIPv6 IPVersion = 1
)

// LogRecord is an access log record. The names of its fields, and of those below, are part
// of the wire format.
type LogRecord struct {
	Type                FlowType
	Timestamp           string // of the begin of a request, the end of a response, the sampling of a packet
	NodeAddressInfo     NodeAddressInfo
	ObservationPoint    ObservationPoint
	SourceEndpoint      EndpointInfo
	DestinationEndpoint EndpointInfo
	IPVersion           IPVersion
	Verdict             FlowVerdict
	Info                string
	Metadata            []string
	TransportProtocol   uint16 // IP protocol number
	FlowEvent           string
	ServiceInfo         *ServiceInfo // nil without a service
	DropReason          *uint16      // nil unless denied

	// At most one of these is not nil.
	HTTP  *LogRecordHTTP
	Kafka *LogRecordKafka // of agents up to Cilium 1.19
	DNS   *LogRecordDNS
	L7    *LogRecordL7
}

// NodeAddressInfo has the addresses of the node that the record comes from.
type NodeAddressInfo struct {
	IPv4, IPv6 string
}

// EndpointInfo is one side of a flow.
type EndpointInfo struct {
	ID         uint64
	IPv4, IPv6 string
	Port       uint16
	Identity   uint64
	Labels     []Label
}

// Label is a security relevant label of an endpoint.
type Label struct {
	Key, Value, Source string
}

// ServiceInfo is the Kubernetes service that a flow went through.
type ServiceInfo struct {
	Name   string
	IPPort IPPort
}

// IPPort is the address of a service.
type IPPort struct {
	IP   string
	Port uint16
}

// LogRecordHTTP is what a record has of an HTTP request or response.
type LogRecordHTTP struct {
	Code            int
	Method          string
	URL             *url.URL
	Protocol        string // such as "HTTP/1.1"
	Headers         http.Header
	MissingHeaders  http.Header // that a policy wanted and the request did not have
	RejectedHeaders http.Header
}

// LogRecordKafka is what a record has of a request to Kafka or its response.
type LogRecordKafka struct {
	ErrorCode     int    // 0 is none
	APIVersion    int16  // of the API of APIKey
	APIKey        string // such as "produce"
	CorrelationID int32  // chosen by the client, and in the response, too
	Topic         KafkaTopic
}

// KafkaTopic is a topic of Kafka, the zero value if a request has none.
type KafkaTopic struct {
	Topic string
}

// LogRecordDNS is what a record has of a DNS query or response.
type LogRecordDNS struct {
	Query             string
	IPs               []netip.Addr
	TTL               uint32 // in seconds, the lowest of the response
	CNAMEs            []string
	ObservationSource string
	RCode             int
	QTypes            []uint16
	AnswerTypes       []uint16
}

// LogRecordL7 is what a record has of any other protocol.
type LogRecordL7 struct {
	Proto  string
	Fields map[string]string
}
