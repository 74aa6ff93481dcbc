// SPDX-License-Identifier: Apache-2.0

package packet

// VRRPSize is the size of a message without addresses.
const VRRPSize = 8

func (d *Dissection) vrrp() (next LayerKind) {
	rest, size := d.rest(), VRRPSize
	if len(rest) > 3 {
		address := 4
		if d.h.V6 {
			address = 16
		}
		size += int(rest[3]) * address
	}
	d.take(LayerVRRP, max(len(rest), size)) // version 2 may have something for authentication behind the addresses
	return LayerNone
}
