// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bench/internal/agentproc"
)

// Memory is what the agent's process takes, in bytes, and what it does at that moment.
type Memory struct {
	At      time.Duration // since the load began; set by the driver
	Heap    uint64        // that the last garbage collection found in use
	RSS     uint64        // resident set
	Sockets uint64        // what the kernel keeps for clients
	Held

	Read, RingLost, Accepted uint64
	Clients                  int
}

// takeMemory measures this process.
func takeMemory(a *agent.Agent) (m Memory, err error) {
	if m.Held, err = held(); err != nil {
		return m, err
	}
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(heap)
	m.Heap = heap[0].Value.Uint64()
	if m.RSS, err = residentSet(); err != nil {
		return m, err
	}
	if m.Sockets, err = socketMemory(); err != nil {
		return m, err
	}
	stats := a.Stats()
	m.Read, m.RingLost, m.Accepted = stats.Datapath.Events(), stats.Lost.Ring(), stats.Accepted
	m.Clients = len(stats.Clients)
	return m, nil
}

func residentSet() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text)) // proc_pid_statm(5): size, resident, ...
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/self/statm is %q", text)
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	return pages * uint64(os.Getpagesize()), err
}

// socketMemory returns what the kernel keeps for the clients of this process.
func socketMemory() (sum uint64, err error) {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, err
	}
	for _, entry := range fds {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			return 0, err
		}
		name, err := unix.Getsockname(fd)
		if err != nil {
			continue // no socket, or closed by now
		}
		if local, ok := name.(*unix.SockaddrUnix); !ok || local.Name != agentproc.SocketPath {
			continue
		}
		n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EBADF) {
			continue // it listens, or is closed by now
		}
		if err != nil {
			return 0, fmt.Errorf("asking for a socket's memory: %w", err)
		}
		sum += uint64(n)
	}
	return sum, nil
}
