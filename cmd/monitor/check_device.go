// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/vishvananda/netlink"

func deviceNeeds(names []string) (needs []need) {
	for _, name := range names {
		n := need{what: "device " + name, state: stateOK}
		if _, err := netlink.LinkByName(name); err != nil {
			n.state = stateMissing
			n.about = err.Error()
			n.how = []string{"ip link lists the devices that are there; in Kubernetes with hostNetwork: true"}
		}
		needs = append(needs, n)
	}
	return needs
}
