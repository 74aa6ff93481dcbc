// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// capability is one that an agent needs.
type capability struct {
	number int
	name   string // without CAP_
	use    string // what it is for
}

var (
	capBPF      = capability{unix.CAP_BPF, "BPF", "open BPF maps, load programs"}
	capPerfmon  = capability{unix.CAP_PERFMON, "PERFMON", "read the perf ring buffers of all CPUs"}
	capNetAdmin = capability{unix.CAP_NET_ADMIN, "NET_ADMIN", "attach programs to devices"}
)

// capabilities returns those that the agent needs whatever the machine is like.
func (s *settings) capabilities() []capability {
	if s.ownDatapath() {
		return []capability{capBPF, capPerfmon, capNetAdmin}
	}
	if s.readsRingBuffer() && !s.Kernel.KernelDrops {
		return []capability{capBPF}
	}
	return []capability{capBPF, capPerfmon}
}

// capabilitySet has one bit for each capability.
type capabilitySet uint64

// effectiveCapabilities returns those of this process.
func effectiveCapabilities() (capabilitySet, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // 32 capabilities each
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("read this process's capabilities: %w", err)
	}
	return capabilitySet(data[0].Effective) | capabilitySet(data[1].Effective)<<32, nil
}

func (caps capabilitySet) has(number int) bool { return caps&(1<<number) != 0 }

// permits tells whether what the capability is for is permitted: CAP_SYS_ADMIN includes each that
// we need.
func (caps capabilitySet) permits(c capability) bool {
	return caps.has(c.number) || caps.has(unix.CAP_SYS_ADMIN)
}

// missing returns the names of the capabilities that are not permitted.
func (caps capabilitySet) missing(needed []capability) (names []string) {
	for _, c := range needed {
		if !caps.permits(c) {
			names = append(names, c.name)
		}
	}
	return names
}

// requireCapabilities returns an error if the agent lacks capabilities.
func requireCapabilities(s *settings) error {
	caps, err := effectiveCapabilities()
	if err != nil {
		return err
	}
	if missing := caps.missing(s.capabilities()); len(missing) > 0 {
		return fmt.Errorf("the agent lacks CAP_%s: try sudo monitor agent; monitor agent --check tells more",
			strings.Join(missing, ", CAP_"))
	}
	return nil
}
