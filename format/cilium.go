// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/hex"
	"strconv"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/internal/inert"
)

// The functions whose names have Cilium in them print what Cilium's own formatter does, byte for byte:
// the source is pkg/monitor of github.com/cilium/cilium, version 1.20. That includes spaces that
// are doubled, line ends that are missing, and padding that is taken for a part of the packet. Otherwise
// is only what would mislead, harm a terminal, tell a password or depend on other events; bench/conformance
// has the list.

// appendCilium appends e, or nothing if the level hides it.
func (f *Formatter) appendCilium(dst []byte, e *Event) []byte {
	switch {
	case e.payload.Type == payload.RecordLost:
		return append(appendCPULost(f.appendTime(dst), e), '\n')
	case e.payload.Type != payload.EventSample:
		dst = strconv.AppendInt(append(f.appendTime(dst), "Unknown payload type: "...), int64(e.payload.Type), 10)
		return append(appendCPULost(append(dst, ", "...), e), '\n')
	case e.desc == nil && len(e.payload.Data) > 0:
		return appendCiliumUnknown(f.appendTime(dst), e)
	case e.Err() != nil:
		return appendCiliumUndecodable(f.appendTime(dst), e)
	case f.opts.Level < e.desc.level:
		return dst
	case e.desc.cilium != nil:
		return e.desc.cilium(f, dst, e)
	}
	start := dst
	dst = append(e.desc.line(f, f.appendTime(dst), e), '\n')
	if e.err != nil { // of an own type, whose function failed
		return appendCiliumUndecodable(f.appendTime(start), e)
	}
	return dst
}

// appendCPULost appends "CPU 01: Lost 5 events".
func appendCPULost(dst []byte, e *Event) []byte {
	dst = appendUint(append(appendCPU(dst, e.payload.CPU), ' '), "Lost ", e.payload.Lost)
	return append(dst, " events"...)
}

// appendCiliumUnknown appends a sample of a type that nobody knows.
func appendCiliumUnknown(dst []byte, e *Event) []byte {
	dst = append(appendCPU(dst, e.payload.CPU), " Unknown event: ["...)
	for i, b := range inert.RedactBytes(e.payload.Data) {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return append(dst, ']', '\n')
}

func appendCiliumUndecodable(dst []byte, e *Event) []byte {
	dst = appendUint(dst, "cannot decode message type '", uint64(e.sample.Type))
	return append(inert.Append(append(dst, "': "...), e.err.Error()), '\n')
}

// beginCilium begins the lines of a packet on LevelVerbose, what is above them included.
func (f *Formatter) beginCilium(dst []byte, e *Event, hash uint32) []byte {
	dst = append(f.appendTime(dst), separator...)
	return appendHex(append(appendCPU(dst, e.payload.CPU), " MARK "...), uint64(hash))
}

// appendCiliumSummary appends who talks to whom in the packet that begins at offset, and ends
// the line.
func appendCiliumSummary(dst []byte, e *Event, offset int, opts ciliumOptions) []byte {
	return append(e.cilium.appendSummary(dst, e.payload.Data[offset:], opts), '\n')
}

// appendCiliumPacket appends the packet that begins at offset, layer by layer or in hex, nothing if
// nothing was captured.
func (f *Formatter) appendCiliumPacket(dst []byte, e *Event, capLen uint16, offset int, opts ciliumOptions) []byte {
	switch packet := e.payload.Data[offset:]; {
	case capLen == 0 || len(packet) == 0:
		return dst
	case f.opts.Hex:
		return append(dst, hex.Dump(packet)...)
	default:
		return e.cilium.appendLayers(dst, packet, opts)
	}
}
