// SPDX-License-Identifier: Apache-2.0

package format

import "encoding/hex"

const separator = "------------------------------------------------------------------------------\n"

// appendVerbose appends the lines of an event with a packet: the fields, then the packet.
func (f *Formatter) appendVerbose(dst []byte, e *Event) []byte {
	dst = append(e.desc.fields(f, dst, e), '\n')
	if !f.opts.Hex && e.dissection().any() {
		return e.dissection().appendLayers(dst)
	}
	return append(dst, hex.Dump(e.sample.Packet)...)
}

func appendLengths(dst []byte, origLen uint32, capLen uint16) []byte {
	dst = appendUint(dst, "", uint64(origLen))
	dst = appendUint(dst, " bytes (", uint64(capLen))
	return append(dst, " captured)"...)
}
