// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/vishvananda/netlink"

	"github.com/cilium/monitor/bpf"
)

func deviceRequirements(names []string) (requirements []requirement) {
	for _, name := range names {
		r := requirement{name: "device " + name, state: stateOK}
		if bpf.IsDevicePattern(name) {
			r.detail = "those that are there, and those that come later"
		} else if _, err := netlink.LinkByName(name); err != nil {
			r.state = stateMissing
			r.detail = err.Error()
			r.remedies = []string{"ip link lists the devices that are there; in Kubernetes with hostNetwork: true"}
		}
		requirements = append(requirements, r)
	}
	return requirements
}
