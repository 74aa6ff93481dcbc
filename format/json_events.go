// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/hex"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/internal/inert"
)

// appendJSON appends e as a JSON object on a line.
func (f *Formatter) appendJSON(dst []byte, e *Event) []byte {
	dst = append(dst, '{')
	if f.opts.Clock != nil && f.opts.Timestamps != TimestampsNone {
		dst = append(appendKey(dst, "time"), '"')
		dst = append(f.opts.Clock().AppendFormat(dst, time.RFC3339Nano), '"')
	}
	switch {
	case e.Err() != nil:
		dst = appendJSONUndecodable(dst, e)
	case e.payload.Type == payload.RecordLost:
		dst = appendJSONLost(dst, e)
	default:
		out := e.desc.json(f, dst, e)
		if e.err != nil { // of an own type, whose function failed
			out = appendJSONUndecodable(dst, e)
		}
		dst = out
	}
	return append(dst, '}', '\n')
}

func appendJSONUndecodable(dst []byte, e *Event) []byte {
	dst = appendJSONHead(dst, e, "error")
	dst = appendStringMember(dst, "error", e.err.Error())
	dst = append(appendKey(dst, "sample"), '"')
	return append(hex.AppendEncode(dst, inert.RedactBytes(e.payload.Data)), '"')
}

func appendJSONLost(dst []byte, e *Event) []byte {
	if typ, ok := e.RateLimited(); ok {
		dst = appendStringMember(dst, "type", "lost")
		dst = appendUintMember(dst, "lost", e.payload.Lost)
		dst = appendStringMember(dst, "cause", "rate-limit")
		dst = appendStringMember(dst, "of", typ)
		dst = appendUint(append(appendKey(dst, "message"), '"'), "Suppressed ", e.payload.Lost)
		dst = append(dst, " events: "...)
		return append(append(dst, rateLimitText(typ)...), '"')
	}
	if e.payload.CPU == payload.CPULostByReader {
		dst = appendStringMember(dst, "type", "lost")
	} else {
		dst = appendJSONHead(dst, e, "lost")
	}
	dst = appendUintMember(dst, "lost", e.payload.Lost)
	dst = append(appendKey(dst, "message"), '"')
	if e.payload.CPU == payload.CPULostByReader {
		dst = appendUint(dst, "Lost ", e.payload.Lost)
		return append(dst, " events: this client reads slower than events come, so the agent dropped them for it (other clients may have them)\""...)
	}
	return append(appendCPULost(dst, e), '"')
}

// appendJSONHead appends the members that all events of the datapath begin with.
func appendJSONHead(dst []byte, e *Event, typ string) []byte {
	dst = append(appendKey(dst, "cpu"), '"')
	dst = append(appendCPU(dst, e.payload.CPU), '"')
	return appendStringMember(dst, "type", typ)
}

// appendJSONMark appends what Cilium calls the mark of an event: the hash of its flow.
func appendJSONMark(dst []byte, hash uint32) []byte {
	dst = append(appendKey(dst, "mark"), '"')
	return append(appendHex(dst, uint64(hash)), '"')
}

// appendJSONPacketMark appends the mark of a packet, if it has one.
func appendJSONPacketMark(dst []byte, mark uint32) []byte {
	if mark == 0 {
		return dst
	}
	return appendUintMember(dst, "packetMark", uint64(mark))
}
