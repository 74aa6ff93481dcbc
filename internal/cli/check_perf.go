// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cilium/monitor/agent"
)

// perfRequirements has the agent open and map its perf ring buffers, if it would read any.
func perfRequirements(caps capabilitySet, s *settings) []requirement {
	if s.readsRingBuffer() {
		return nil
	}
	const events, losses, buffers = "perf events", "counted losses", "perf ring buffers"

	support, err := agent.CheckPerfEvents(s.Agent.MonitorBufferPages)
	opened := kernelRequirement(caps, events, "Linux 4.4 with CONFIG_PERF_EVENTS", err, capPerfmon)
	if err != nil {
		return []requirement{opened, {name: buffers, state: stateUnknown, detail: "can't tell without " + events}}
	}

	lost := requirement{name: losses, state: stateOK, detail: "in this kernel"}
	if !support.CountsLosses {
		lost.state = stateNote
		lost.detail = "before Linux 6.0 a loss is told with the next event only"
	}

	size := support.RingSize >> 10
	mapped := requirement{name: buffers, state: stateOK, detail: fmt.Sprintf("%d KiB for each of %d CPUs", size, support.CPUs)}
	if err := support.MapError; err != nil {
		mapped.state = stateMissing
		mapped.detail += ": " + err.Error()
		mapped.remedies = []string{"smaller ones: --monitor-buffer-pages"}
		if errors.Is(err, fs.ErrPermission) {
			mapped.remedies = append(mapped.remedies,
				"shell: ulimit -l unlimited",
				"systemd: LimitMEMLOCK=infinity",
				fmt.Sprintf("for all users: sysctl kernel.perf_event_mlock_kb=%d", size),
				"or CAP_IPC_LOCK")
		}
	}
	return []requirement{opened, lost, mapped}
}
