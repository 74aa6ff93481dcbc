// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/ebpf"
)

// What Cilium's own agent uses, so that its users find everything where it was.
const (
	// DefaultSocketPath is where the monitor API is served.
	DefaultSocketPath = "/var/run/cilium/monitor1_2.sock"

	// DefaultEventsMap is where the datapath's perf event array is pinned.
	DefaultEventsMap = "/sys/fs/bpf/tc/globals/cilium_events"

	// SocketGroup is the group that the socket of the monitor API is given to, if there is one of
	// that name: its members may read the events.
	SocketGroup = "cilium"

	// socketMode lets the group read.
	socketMode = 0o660
)

// defaultDrainTimeout bounds how long a stopping agent waits for clients to take
// what they have not read.
const defaultDrainTimeout = time.Second

const (
	// DefaultMaxClients is the default of [WithMaxClients].
	DefaultMaxClients = 64

	// DefaultQueueBytes is the default of [WithQueueBytes]: 32 MiB.
	DefaultQueueBytes = 32 << 20

	// MinQueueBytes is the least for [WithQueueBytes], which the largest event of user space fits in.
	MinQueueBytes = 2 << 20
)

const (
	// DefaultMaxDelay is the default of [WithMaxDelay].
	DefaultMaxDelay = 500 * time.Microsecond

	// MinMaxDelay and MaxMaxDelay are the bounds for [WithMaxDelay].
	MinMaxDelay = 100 * time.Microsecond
	MaxMaxDelay = time.Second
)

// DefaultQueueSize returns the number of events that are kept for clients that fall
// behind: 1024 for each possible CPU, at most 16384.
func DefaultQueueSize() int {
	const perCPU, limit = 1024, 16384
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		cpus = 1
	}
	return min(cpus*perCPU, limit)
}
