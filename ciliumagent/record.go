// SPDX-License-Identifier: Apache-2.0

package ciliumagent

import (
	"strconv"

	"github.com/cilium/cilium/pkg/labels"
	ciliumlog "github.com/cilium/cilium/pkg/proxy/accesslog"

	"github.com/cilium/monitor/api/accesslog"
)

func recordToCilium(r *accesslog.LogRecord) ciliumlog.LogRecord {
	record := ciliumlog.LogRecord{
		Type:                ciliumlog.FlowType(r.Type),
		Timestamp:           r.Timestamp,
		NodeAddressInfo:     ciliumlog.NodeAddressInfo(r.NodeAddressInfo),
		ObservationPoint:    ciliumlog.ObservationPoint(r.ObservationPoint),
		SourceEndpoint:      endpointToCilium(r.SourceEndpoint),
		DestinationEndpoint: endpointToCilium(r.DestinationEndpoint),
		IPVersion:           ciliumlog.IPVersion(r.IPVersion),
		Verdict:             ciliumlog.FlowVerdict(r.Verdict),
		Info:                r.Info,
		Metadata:            r.Metadata,
		TransportProtocol:   ciliumlog.TransportProtocol(r.TransportProtocol),
		FlowEvent:           ciliumlog.FlowEvent(r.FlowEvent),
		DropReason:          (*ciliumlog.DropReason)(r.DropReason),
		HTTP:                (*ciliumlog.LogRecordHTTP)(r.HTTP),
		L7:                  (*ciliumlog.LogRecordL7)(r.L7),
	}
	if s := r.ServiceInfo; s != nil {
		record.ServiceInfo = &ciliumlog.ServiceInfo{Name: s.Name, IPPort: ciliumlog.IPPort(s.IPPort)}
	}
	if d := r.DNS; d != nil {
		record.DNS = &ciliumlog.LogRecordDNS{
			Query:             d.Query,
			IPs:               d.IPs,
			TTL:               d.TTL,
			CNAMEs:            d.CNAMEs,
			ObservationSource: ciliumlog.DNSDataSource(d.ObservationSource),
			RCode:             d.RCode,
			QTypes:            d.QTypes,
			AnswerTypes:       d.AnswerTypes,
		}
	}
	if r.Kafka != nil {
		record.L7 = kafka(r.Kafka)
	}
	return record
}

// kafka returns a record of Kafka as one of another protocol.
func kafka(k *accesslog.LogRecordKafka) *ciliumlog.LogRecordL7 {
	return &ciliumlog.LogRecordL7{Proto: "kafka", Fields: map[string]string{
		"ErrorCode":     strconv.Itoa(k.ErrorCode),
		"APIVersion":    strconv.Itoa(int(k.APIVersion)),
		"APIKey":        k.APIKey,
		"CorrelationID": strconv.Itoa(int(k.CorrelationID)),
		"Topic":         k.Topic.Topic,
	}}
}

func endpointToCilium(e accesslog.EndpointInfo) ciliumlog.EndpointInfo {
	info := ciliumlog.EndpointInfo{ID: e.ID, IPv4: e.IPv4, IPv6: e.IPv6, Port: e.Port, Identity: e.Identity}
	for _, label := range e.Labels {
		info.Labels = append(info.Labels, labels.Label{Key: label.Key, Value: label.Value, Source: label.Source})
	}
	return info
}

func recordFromCilium(r *ciliumlog.LogRecord) *accesslog.LogRecord {
	record := &accesslog.LogRecord{
		Type:                accesslog.FlowType(r.Type),
		Timestamp:           r.Timestamp,
		NodeAddressInfo:     accesslog.NodeAddressInfo(r.NodeAddressInfo),
		ObservationPoint:    accesslog.ObservationPoint(r.ObservationPoint),
		SourceEndpoint:      endpointFromCilium(r.SourceEndpoint),
		DestinationEndpoint: endpointFromCilium(r.DestinationEndpoint),
		IPVersion:           accesslog.IPVersion(r.IPVersion),
		Verdict:             accesslog.FlowVerdict(r.Verdict),
		Info:                r.Info,
		Metadata:            r.Metadata,
		TransportProtocol:   uint16(r.TransportProtocol),
		FlowEvent:           string(r.FlowEvent),
		DropReason:          (*uint16)(r.DropReason),
		HTTP:                (*accesslog.LogRecordHTTP)(r.HTTP),
		L7:                  (*accesslog.LogRecordL7)(r.L7),
	}
	if s := r.ServiceInfo; s != nil {
		record.ServiceInfo = &accesslog.ServiceInfo{Name: s.Name, IPPort: accesslog.IPPort(s.IPPort)}
	}
	if d := r.DNS; d != nil {
		record.DNS = &accesslog.LogRecordDNS{
			Query:             d.Query,
			IPs:               d.IPs,
			TTL:               d.TTL,
			CNAMEs:            d.CNAMEs,
			ObservationSource: string(d.ObservationSource),
			RCode:             d.RCode,
			QTypes:            d.QTypes,
			AnswerTypes:       d.AnswerTypes,
		}
	}
	return record
}

func endpointFromCilium(e ciliumlog.EndpointInfo) accesslog.EndpointInfo {
	info := accesslog.EndpointInfo{ID: e.ID, IPv4: e.IPv4, IPv6: e.IPv6, Port: e.Port, Identity: e.Identity}
	for _, label := range e.Labels {
		info.Labels = append(info.Labels, accesslog.Label{Key: label.Key, Value: label.Value, Source: label.Source})
	}
	return info
}
