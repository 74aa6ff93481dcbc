// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/internal/inert"
)

const eventsMap = "events map"

func eventsMapRequirements(caps capabilitySet, s *settings) []requirement {
	path := s.Agent.MonitorEventsMap
	if s.ownDatapath() {
		return []requirement{ownEventsMap(caps, path)}
	}
	return []requirement{foreignEventsMap(caps, path, s.Agent.MonitorTakeOver)}
}

// foreignEventsMap judges the map that some other datapath has pinned, or will.
func foreignEventsMap(caps capabilitySet, path string, takeOver bool) requirement {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return requirement{name: eventsMap, state: stateNote, detail: path + ": not pinned yet, the agent waits"}
	}
	m, err := ebpf.LoadPinnedMap(path, nil)
	if err != nil {
		return eventsMapError(caps, path, err)
	}
	defer m.Close()
	if m.Type() != ebpf.PerfEventArray && m.Type() != ebpf.RingBuf {
		return eventsMapError(caps, path, fmt.Errorf("%s is a map of type %s, not a %s or a %s", path, m.Type(), ebpf.PerfEventArray, ebpf.RingBuf))
	}
	if err := agent.CheckEventsMap(m); errors.Is(err, agent.ErrTaken) {
		detail := path + ": " + err.Error() + "; the agent waits until nobody does"
		if takeOver {
			detail = path + ": " + err.Error() + "; the agent takes it away"
		}
		return requirement{name: eventsMap, state: stateNote, detail: inert.String(detail)}
	}
	if m.Type() == ebpf.RingBuf {
		return ringBufferRequirement(path, m)
	}
	return requirement{name: eventsMap, state: stateOK, detail: path}
}

// ringBufferRequirement judges a ring buffer that can be read.
func ringBufferRequirement(path string, m *ebpf.Map) requirement {
	r := requirement{name: eventsMap, state: stateOK, detail: fmt.Sprintf("%s: a ring buffer of %d bytes", path, m.MaxEntries())}
	if _, err := os.Stat(path + agent.RingBufferLossesSuffix); err != nil {
		r.state = stateNote
		r.detail += "; losses in the kernel are unknown, nothing is pinned at " + filepath.Base(path) + agent.RingBufferLossesSuffix
	}
	return r
}

// readsRingBuffer tells whether the events map is one: that of the embedded datapath, or the one that some other
// has pinned.
func (s *settings) readsRingBuffer() bool {
	if s.ownDatapath() {
		return s.Datapath.DatapathEvents == bpf.EventsRingbuf
	}
	m, err := ebpf.LoadPinnedMap(s.Agent.MonitorEventsMap, nil)
	if err != nil {
		return false
	}
	defer m.Close()
	return m.Type() == ebpf.RingBuf
}

// ownEventsMap judges the place where the embedded datapath would pin its map.
func ownEventsMap(caps capabilitySet, path string) requirement {
	err := bpf.CheckPin(path)
	switch {
	case errors.Is(err, bpf.ErrNoBPFFS) && caps.has(unix.CAP_SYS_ADMIN):
		return requirement{name: eventsMap, state: stateOK, detail: fmt.Sprintf("%s (%v: the agent would)", path, err)}
	case errors.Is(err, bpf.ErrNoBPFFS):
		return requirement{name: eventsMap, state: stateMissing, detail: err.Error(), remedies: []string{"as root: mount -t bpf bpf /sys/fs/bpf"}}
	case err != nil:
		return eventsMapError(caps, path, err)
	}
	if _, err := os.Stat(path); err == nil && !caps.has(unix.CAP_SYS_ADMIN) {
		return requirement{name: eventsMap, state: stateNote, detail: path + ": the agent takes over what another one left pinned"}
	}
	if err := writable(path); err != nil {
		return eventsMapError(caps, path, err)
	}
	return requirement{name: eventsMap, state: stateOK, detail: path}
}

func eventsMapError(caps capabilitySet, path string, err error) requirement {
	switch {
	case errors.Is(err, unix.EACCES): // by the mode of the file or of a directory
		return requirement{name: eventsMap, state: stateMissing, detail: path + ": permission denied", remedies: getCapabilities("DAC_OVERRIDE")}
	case errors.Is(err, unix.EPERM):
		return notPermitted(caps, eventsMap, err, capBPF)
	default:
		return requirement{name: eventsMap, state: stateMissing, detail: err.Error(), remedies: []string{"choose another one: --monitor-events-map"}}
	}
}
