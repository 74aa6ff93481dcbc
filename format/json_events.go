// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/hex"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// appendJSON appends e as a JSON object on a line.
func (f *Formatter) appendJSON(dst []byte, e *Event) []byte {
	dst = append(dst, '{')
	if f.opts.Clock != nil {
		dst = append(appendKey(dst, "time"), '"')
		dst = append(f.opts.Clock().AppendFormat(dst, time.RFC3339Nano), '"')
	}
	switch {
	case e.Err() != nil:
		dst = appendJSONUndecodable(dst, e)
	case e.payload.Type == payload.RecordLost:
		dst = appendJSONLost(dst, e)
	default:
		dst = f.appendJSONSample(dst, e)
	}
	return append(dst, '}', '\n')
}

func appendJSONUndecodable(dst []byte, e *Event) []byte {
	dst = appendJSONHead(dst, e, "error")
	dst = appendStringMember(dst, "error", e.err.Error())
	dst = append(appendKey(dst, "sample"), '"')
	return append(hex.AppendEncode(dst, e.payload.Data), '"')
}

func appendJSONLost(dst []byte, e *Event) []byte {
	if e.payload.CPU == payload.CPULostByReader {
		dst = appendStringMember(dst, "type", "lost")
	} else {
		dst = appendJSONHead(dst, e, "lost")
	}
	dst = appendUintMember(dst, "lost", e.payload.Lost)
	dst = append(appendKey(dst, "message"), '"')
	return append(appendLost(dst, e), '"')
}

func (f *Formatter) appendJSONSample(dst []byte, e *Event) []byte {
	switch e.sample.Type {
	case api.MessageTypeDrop:
		return appendJSONDrop(dst, e)
	case api.MessageTypeTrace:
		return appendJSONTrace(dst, e)
	case api.MessageTypePolicyVerdict:
		return appendJSONPolicyVerdict(dst, e)
	case api.MessageTypeCapture:
		return appendJSONCapture(dst, e)
	case api.MessageTypeDebug:
		dst = appendJSONHead(dst, e, "debug")
		dst = append(appendKey(dst, "message"), '"')
		return append(f.appendDebugMessage(dst, &e.sample.Debug), '"')
	case api.MessageTypeTraceSock:
		return appendJSONTraceSock(dst, e)
	case api.MessageTypeAccessLog:
		return appendJSONRecord(dst, &e.record)
	default: // api.MessageTypeAgent
		dst = appendStringMember(dst, "type", "agent")
		dst = appendStringMember(dst, "subtype", e.sample.Agent.Type.String())
		return appendRawMember(dst, "message", e.sample.Agent.Text)
	}
}

func appendJSONDrop(dst []byte, e *Event) []byte {
	n := &e.sample.Drop
	dst = appendJSONHead(dst, e, "drop")
	dst = appendJSONMark(dst, n.Hash)
	dst = appendStringMember(dst, "reason", api.DropReasonExt(n.SubType, n.ExtError))
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = appendUintMember(dst, "srcLabel", uint64(n.SrcLabel))
	dst = appendUintMember(dst, "dstLabel", uint64(n.DstLabel))
	dst = appendUintMember(dst, "dstID", uint64(n.DstID))
	dst = appendUintMember(dst, "Line", uint64(n.Line))
	dst = appendUintMember(dst, "File", uint64(n.File))
	dst = appendIntMember(dst, "ExtError", int64(n.ExtError))
	dst = appendUintMember(dst, "Ifindex", uint64(n.Ifindex))
	if n.IPTraceID != 0 {
		dst = appendUintMember(dst, "IPTraceID", n.IPTraceID)
	}
	return e.dissection().appendJSONSummary(dst)
}

func appendJSONTrace(dst []byte, e *Event) []byte {
	n := &e.sample.Trace
	dst = appendJSONHead(dst, e, "trace")
	dst = appendJSONMark(dst, n.Hash)
	dst = appendStringMember(dst, "ifindex", e.interfaceName(n.Ifindex))
	dst = appendStringMember(dst, "state", api.TraceReasonName(n.Reason))
	dst = appendStringMember(dst, "observationPoint", api.ObservationPointName(n.ObsPoint))
	dst = append(appendKey(dst, "traceSummary"), '"')
	dst = append(appendTracePlace(dst, n), '"')
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = appendUintMember(dst, "srcLabel", uint64(n.SrcLabel))
	dst = appendUintMember(dst, "dstLabel", uint64(n.DstLabel))
	dst = appendUintMember(dst, "dstID", uint64(n.DstID))
	dst = appendUintMember(dst, "IpTraceID", n.IPTraceID)
	return e.dissection().appendJSONSummary(dst)
}

func appendJSONPolicyVerdict(dst []byte, e *Event) []byte {
	n := &e.sample.PolicyVerdict
	dst = appendJSONHead(dst, e, "policy-verdict")
	dst = appendJSONMark(dst, n.Hash)
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = appendUintMember(dst, "remoteLabel", uint64(n.RemoteLabel))
	dst = appendStringMember(dst, "direction", api.PolicyDirectionName(n.Direction()))
	dst = appendStringMember(dst, "action", n.Action())
	dst = appendIntMember(dst, "verdict", int64(n.Verdict))
	dst = appendStringMember(dst, "match", api.PolicyMatchName(n.MatchType()))
	dst = appendStringMember(dst, "auth", api.AuthTypeName(n.AuthType))
	dst = appendUintMember(dst, "proto", uint64(n.Proto))
	dst = appendUintMember(dst, "dstPort", uint64(n.DstPort))
	dst = appendUintMember(dst, "cookie", uint64(n.Cookie))
	return e.dissection().appendJSONSummary(dst)
}

func appendJSONCapture(dst []byte, e *Event) []byte {
	n := &e.sample.Capture
	dst = appendJSONHead(dst, e, "capture")
	dst = appendJSONMark(dst, n.Hash)
	dst = append(appendKey(dst, "message"), '"')
	dst = append(appendCaptureMessage(dst, e), '"')
	dst = appendStringMember(dst, "prefix", string(appendCapturePlace(nil, e)))
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = append(appendKey(dst, "summary"), '"')
	return append(e.dissection().appendSummary(dst), '"')
}

func appendJSONTraceSock(dst []byte, e *Event) []byte {
	n := &e.sample.TraceSock
	dst = appendJSONHead(dst, e, "trace-sock")
	dst = appendStringMember(dst, "xlatePoint", api.XlatePointName(n.XlatePoint))
	dst = appendStringMember(dst, "protocol", api.TraceSockProtocolName(n.L4Proto))
	dst = append(appendKey(dst, "dstIP"), '"')
	dst = append(n.Addr().AppendTo(dst), '"')
	dst = appendUintMember(dst, "dstPort", uint64(n.DstPort))
	dst = appendUintMember(dst, "sockCookie", n.SockCookie)
	return appendUintMember(dst, "cgroupID", n.CgroupID)
}

// appendJSONHead appends the members that all events of the datapath begin with.
func appendJSONHead(dst []byte, e *Event, typ string) []byte {
	dst = append(appendKey(dst, "cpu"), '"')
	dst = append(appendCPU(dst, e.payload.CPU), '"')
	return appendStringMember(dst, "type", typ)
}

func appendJSONMark(dst []byte, hash uint32) []byte {
	dst = append(appendKey(dst, "mark"), '"')
	return append(appendHex(dst, uint64(hash)), '"')
}
