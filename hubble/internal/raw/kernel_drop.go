// SPDX-License-Identifier: Apache-2.0

package raw

import (
	"encoding/binary"

	"github.com/cilium/monitor/api"
)

// KernelDrop is what [api.KernelDropNotify] has besides its texts, which take allocations to decode.
type KernelDrop struct {
	Direction uint8 // see [api.KernelDropIngress]
	CapLen    uint16
	Ifindex   uint32
	Protocol  uint16 // EtherType, 0 if it is not known
	L3        bool   // the packet has no Ethernet header
}

// Where fields of a kernel drop are; docs/kernel-drops.md has all of them.
const (
	offKernelDropIfindex  = 20
	offKernelDropProtocol = 52
	offKernelDropFlags    = 54
)

// kernelDropLen is where the packet data of a kernel drop begins.
var kernelDropLen = new(api.KernelDropNotify).DataOffset()

func (n *KernelDrop) decode(sample []byte) error {
	var h api.CaptureHeader
	if err := h.Decode(sample); err != nil {
		return err
	}
	if h.Version != 0 || h.ExtVersion != 0 || len(sample) < kernelDropLen {
		var whole api.KernelDropNotify
		return whole.Decode(sample) // says what is wrong
	}
	*n = KernelDrop{
		Direction: h.SubType,
		CapLen:    h.CapLen,
		Ifindex:   binary.NativeEndian.Uint32(sample[offKernelDropIfindex:]),
		Protocol:  binary.NativeEndian.Uint16(sample[offKernelDropProtocol:]),
		L3:        sample[offKernelDropFlags]&api.FlagL3Device != 0,
	}
	return nil
}

// first returns the layer that the packet begins with.
func (n *KernelDrop) first() Layer {
	if !n.L3 {
		return LayerEthernet
	}
	return byEtherType(n.Protocol)
}
