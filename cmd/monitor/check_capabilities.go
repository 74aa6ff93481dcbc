// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// capabilityNeeds says how to get those that are missing once, for all of them.
func capabilityNeeds(h held, needed []capability) (needs []need) {
	names := h.missing(needed)
	for _, c := range needed {
		n := need{what: "CAP_" + c.name, state: stateOK, about: c.what}
		if !h.may(c) {
			n.state = stateMissing
			if c.name == names[len(names)-1] {
				n.how = getCapabilities(names...)
			}
		}
		needs = append(needs, n)
	}
	return needs
}

// getCapabilities returns the ways to get capabilities.
func getCapabilities(names ...string) []string {
	return []string{
		"as root: sudo monitor agent",
		"systemd: AmbientCapabilities=CAP_" + strings.Join(names, " CAP_"),
		"Kubernetes: capabilities: {add: [" + strings.Join(names, ", ") + "]}, runAsUser: 0",
	}
}

// notPermitted returns a need that the kernel refused to show: for lack of the capabilities
// that it takes, or in spite of them.
func notPermitted(h held, what string, err error, needed ...capability) need {
	if names := h.missing(needed); len(names) > 0 {
		return need{what: what, state: stateUnknown, about: "can't tell without CAP_" + strings.Join(names, ", CAP_")}
	}
	return need{
		what: what, state: stateMissing, about: "refused in spite of the capabilities: " + err.Error(),
		how: []string{
			"containers: let seccomp allow bpf and perf_event_open; no user namespace",
			"else a security module refuses it: journalctl -k -g 'denied|lockdown'",
		},
	}
}
