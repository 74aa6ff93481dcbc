// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/cilium/monitor/internal/packet"

func (w *layerWriter) erspan() {
	w.begin("ERSPAN")
	w.bits(" Version=", 0, 1, 0xf0)
	w.bits(" VLANIdentifier=", 0, 2, 0x0fff)
	w.bits(" CoS=", 2, 1, 0xe0)
	w.bool(" IsTruncated=", 2, 0x04)
	w.bits(" SessionID=", 2, 2, 0x03ff)
	if w.has(0, 1) && w.header[0]>>4 != packet.ERSPANIII {
		w.bits(" TrunkEncap=", 2, 1, 0x18)
		w.bits(" Index=", 4, 4, 0x000fffff)
		return
	}
	w.uint32(" Timestamp=", 4)
	w.uint16(" SecurityGroup=", 8)
	w.bits(" FrameType=", 10, 1, 0x7c)
	w.bits(" HardwareID=", 10, 2, 0x03f0)
}
