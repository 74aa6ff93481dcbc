// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/cilium/monitor/internal/packet"

// Service access points of LLC.
const (
	sapSTP  = 0x42
	sapISIS = 0xfe
)

// llcName returns the name of what is behind a header, as far as it is known.
func llcName(header []byte) string {
	switch {
	case len(header) == 0:
	case header[0] == sapSTP:
		return "STP"
	case header[0] == sapISIS:
		return "IS-IS"
	case len(header) == packet.LLCSize+packet.SNAPSize && [3]byte(header[3:]) == organizationCisco:
		switch be16(header[6:]) {
		case 0x2000:
			return "CDP"
		case 0x2004:
			return "DTP"
		case 0x010b:
			return "PVST"
		}
	}
	return "LLC"
}

// organizationCisco is a code in SNAP headers.
var organizationCisco = [3]byte{0, 0, 0x0c}

func (w *layerWriter) llc() {
	w.begin("LLC")
	w.uint8(" DSAP=", 0)
	w.uint8(" SSAP=", 1)
	if w.has(2, 1) && w.header[2]&packet.LLCUnnumbered != packet.LLCUnnumbered {
		w.uint16(" Control=", 2)
		return
	}
	w.uint8(" Control=", 2)
	if w.has(3, 1) {
		w.bytes(" OrganizationalCode=", 3, 6)
	}
	w.etherType(" Type=", 6)
}
