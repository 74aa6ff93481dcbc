// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bpf"
)

const eventsMap = "events map"

func eventsMapNeeds(h held, s *settings) []need {
	path := s.Agent.MonitorEventsMap
	if s.ownDatapath() {
		return []need{ownEventsMap(h, path)}
	}
	return []need{foreignEventsMap(h, path)}
}

// foreignEventsMap judges the map that some other datapath has pinned, or will.
func foreignEventsMap(h held, path string) need {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return need{what: eventsMap, state: stateNote, about: path + ": not pinned yet, the agent waits"}
	}
	m, err := ebpf.LoadPinnedMap(path, nil)
	if err != nil {
		return eventsMapError(h, path, err)
	}
	defer m.Close()
	if m.Type() != ebpf.PerfEventArray {
		return eventsMapError(h, path, fmt.Errorf("%s is a map of type %s, not a %s", path, m.Type(), ebpf.PerfEventArray))
	}
	return need{what: eventsMap, state: stateOK, about: path}
}

// ownEventsMap judges the place where the embedded datapath would pin its map.
func ownEventsMap(h held, path string) need {
	err := bpf.CheckPin(path)
	switch {
	case errors.Is(err, bpf.ErrNoBPFFS) && h.has(unix.CAP_SYS_ADMIN):
		return need{what: eventsMap, state: stateOK, about: fmt.Sprintf("%s (%v: the agent would)", path, err)}
	case errors.Is(err, bpf.ErrNoBPFFS):
		return need{what: eventsMap, state: stateMissing, about: err.Error(), how: []string{"as root: mount -t bpf bpf /sys/fs/bpf"}}
	case err != nil:
		return eventsMapError(h, path, err)
	}
	if _, err := os.Stat(path); err == nil && !h.has(unix.CAP_SYS_ADMIN) {
		return need{what: eventsMap, state: stateNote, about: path + ": the agent takes over what another one left pinned"}
	}
	if err := writable(path); err != nil {
		return eventsMapError(h, path, err)
	}
	return need{what: eventsMap, state: stateOK, about: path}
}

func eventsMapError(h held, path string, err error) need {
	switch {
	case errors.Is(err, unix.EACCES): // by the mode of the file or of a directory
		return need{what: eventsMap, state: stateMissing, about: path + ": permission denied", how: getCapabilities("DAC_OVERRIDE")}
	case errors.Is(err, unix.EPERM):
		return notPermitted(h, eventsMap, err, capBPF)
	default:
		return need{what: eventsMap, state: stateMissing, about: err.Error(), how: []string{"choose another one: --monitor-events-map"}}
	}
}
