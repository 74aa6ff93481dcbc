// SPDX-License-Identifier: Apache-2.0

package flow

import (
	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/api"
)

// setKernelDrop sets what the kernel has a text for: why and where it dropped a packet, which begins the summary since the
// API has no field for it, and the device. It has the name that it has in its network namespace, or none.
func setKernelDrop(f *flowpb.Flow, sample []byte) {
	var n api.KernelDropNotify
	if n.Decode(sample) != nil {
		return
	}
	why := n.ReasonText()
	if why == "" {
		why = "dropped by the kernel"
	}
	if n.Function != "" {
		why += " in " + n.Function
	}
	f.Summary = why + ": " + f.Summary
	if f.Interface != nil && (n.Device != "" || n.IsOtherNetNS()) {
		f.Interface.Name = n.Device
	}
}
