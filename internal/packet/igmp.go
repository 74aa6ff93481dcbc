// SPDX-License-Identifier: Apache-2.0

package packet

// Sizes and, of version 3 (RFC 3376), offsets in bytes.
const (
	IGMPSize          = 8  // of what all messages have
	IGMPQuerySources  = 12 // of a query
	IGMPReportRecords = 8  // of a report
	IGMPRecordSize    = 8  // without sources and auxiliary data
)

// Types of messages that have more than all have.
const (
	IGMPQuery   = 0x11
	IGMPReport3 = 0x22
)

func (d *Dissection) igmp() (next LayerKind) {
	rest := d.rest()
	d.take(LayerIGMP, max(len(rest), igmpMessageSize(rest, d.room())))
	return LayerNone
}

// igmpMessageSize returns the size of a message that begins with b, as far as it tells, and for which there is
// room.
func igmpMessageSize(b []byte, room int) int {
	switch {
	case len(b) == 0:
		return IGMPSize
	case b[0] == IGMPQuery && room >= IGMPQuerySources:
		if len(b) < IGMPQuerySources {
			return IGMPQuerySources
		}
		return IGMPQuerySources + 4*int(be16(b[10:]))
	case b[0] == IGMPReport3 && len(b) >= IGMPReportRecords:
		size := IGMPReportRecords
		for range be16(b[6:]) {
			if len(b) < size+IGMPRecordSize {
				return size + IGMPRecordSize
			}
			size += IGMPGroupRecordSize(b[size:])
		}
		return size
	default:
		return IGMPSize
	}
}

// IGMPGroupRecordSize returns the size of the group record that b, of at least IGMPRecordSize bytes, begins with.
func IGMPGroupRecordSize(b []byte) int { return IGMPRecordSize + 4*(int(be16(b[2:]))+int(b[1])) }
