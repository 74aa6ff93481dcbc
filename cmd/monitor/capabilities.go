// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// capability is one that an agent needs.
type capability struct {
	number int
	name   string // without CAP_
	what   string // what it is for
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
	return []capability{capBPF, capPerfmon}
}

// held are the capabilities of this process, one bit each.
type held uint64

func heldCapabilities() (held, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // 32 capabilities each
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("read this process's capabilities: %w", err)
	}
	return held(data[0].Effective) | held(data[1].Effective)<<32, nil
}

func (h held) has(number int) bool { return h&(1<<number) != 0 }

// may tells whether the capability is held; CAP_SYS_ADMIN includes each that we need.
func (h held) may(c capability) bool { return h.has(c.number) || h.has(unix.CAP_SYS_ADMIN) }

// missing returns the names of the capabilities that are not held.
func (h held) missing(needed []capability) (names []string) {
	for _, c := range needed {
		if !h.may(c) {
			names = append(names, c.name)
		}
	}
	return names
}

// requireCapabilities returns an error if the agent lacks capabilities.
func requireCapabilities(s *settings) error {
	h, err := heldCapabilities()
	if err != nil {
		return err
	}
	if missing := h.missing(s.capabilities()); len(missing) > 0 {
		return fmt.Errorf("the agent lacks CAP_%s: try sudo monitor agent; monitor agent --check tells more",
			strings.Join(missing, ", CAP_"))
	}
	return nil
}
