// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent/internal/eventsmap"
	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/internal/ringbuf"
)

// PerfSupport is what [CheckPerfEvents] found out.
type PerfSupport struct {
	// CPUs is how many are online. Each has a perf ring buffer.
	CPUs int

	// RingSize is how many bytes each CPU's ring takes.
	RingSize int

	// CountsLosses tells whether the kernel counts the losses of each ring, as it does since
	// Linux 6.0. An older one tells of a loss with the next event only.
	CountsLosses bool

	// MapError is why the rings of all CPUs can't be mapped, nil if they can. It is
	// [fs.ErrPermission] if this process may not lock as much memory.
	MapError error
}

// CheckPerfEvents opens and maps perf ring buffers of nPages as AttachToEventsMap does for as long
// as somebody is subscribed, and closes them again. The error is why perf events can't be opened:
// [fs.ErrPermission] without CAP_PERFMON.
func CheckPerfEvents(nPages int) (PerfSupport, error) {
	pages, err := ringPages(nPages)
	if err != nil {
		return PerfSupport{}, fmt.Errorf("check perf events: %w", err)
	}
	support, err := perfring.Check(pages)
	return PerfSupport(support), err
}

// ErrTaken is returned and reported if somebody else reads an events map. Its text names the processes
// that may be, as far as they can be seen.
var ErrTaken = eventsmap.ErrTaken

// CheckEventsMap returns [ErrTaken] if somebody reads a perf event array or a ring buffer at the moment, such as
// Cilium's agent, and another error if that can't be told. It changes nothing, and the reader does not notice. Of
// a ring buffer, only agents like this one can be seen.
func CheckEventsMap(m *ebpf.Map) error {
	if m.Type() == ebpf.RingBuf {
		return ringbuf.CheckFree(m)
	}
	return perfring.CheckFree(m)
}
