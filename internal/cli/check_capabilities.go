// SPDX-License-Identifier: Apache-2.0

package cli

import "strings"

// capabilityNeeds says how to get those that are missing once, for all of them.
func capabilityRequirements(caps capabilitySet, needed []capability) (requirements []requirement) {
	names := caps.missing(needed)
	for _, c := range needed {
		r := requirement{name: "CAP_" + c.name, state: stateOK, detail: c.use}
		if !caps.permits(c) {
			r.state = stateMissing
			if c.name == names[len(names)-1] {
				r.remedies = getCapabilities(names...)
			}
		}
		requirements = append(requirements, r)
	}
	return requirements
}

// getCapabilities returns the ways to get capabilities.
func getCapabilities(names ...string) []string {
	return []string{
		"as root: sudo monitor agent",
		"systemd: AmbientCapabilities=CAP_" + strings.Join(names, " CAP_"),
		"Kubernetes: capabilities: {add: [" + strings.Join(names, ", ") + "]}, runAsUser: 0",
	}
}

// notPermitted returns a requirement that the kernel refused to show: for lack of the capabilities
// that it takes, or in spite of them.
func notPermitted(caps capabilitySet, name string, err error, needed ...capability) requirement {
	if names := caps.missing(needed); len(names) > 0 {
		return requirement{name: name, state: stateUnknown, detail: "can't tell without CAP_" + strings.Join(names, ", CAP_")}
	}
	return requirement{
		name: name, state: stateMissing, detail: "refused in spite of the capabilities: " + err.Error(),
		remedies: []string{
			"containers: let seccomp allow bpf and perf_event_open; no user namespace",
			"else a security module refuses it: journalctl -k -g 'denied|lockdown'",
		},
	}
}
