// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io/fs"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

func kernelNeeds(h held, s *settings) []need {
	needs := []need{
		kernelNeed(h, "perf event arrays", "Linux 4.3 with CONFIG_BPF_SYSCALL", features.HaveMapType(ebpf.PerfEventArray), capBPF),
	}
	if s.ownDatapath() {
		needs = append(needs,
			kernelNeed(h, "classifier programs", "Linux 4.1 with CONFIG_NET_CLS_ACT", features.HaveProgramType(ebpf.SchedCLS), capBPF, capNetAdmin),
			kernelNeed(h, "TCX", "Linux 6.6 with CONFIG_NET_XGRESS", haveTCX(), capNetAdmin),
		)
	}
	return needs
}

// kernelNeed judges the error of a probe of the kernel that takes capabilities; since is
// the kernel that has what it looked for.
func kernelNeed(h held, what, since string, err error, needed ...capability) need {
	n := need{what: what, state: stateOK, about: "in this kernel"}
	switch {
	case err == nil:
		return n
	case len(h.missing(needed)) > 0, errors.Is(err, fs.ErrPermission):
		return notPermitted(h, what, err, needed...)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.ENOSYS):
		n.about = "not in this kernel"
	default:
		n.about = err.Error()
	}
	n.state = stateMissing
	n.how = []string{since + ", or newer"}
	return n
}

// haveTCX asks for the programs of the loopback device, which is the first of each
// network namespace. A kernel that does not know TCX calls the question invalid.
func haveTCX() error {
	_, err := link.QueryPrograms(link.QueryOptions{Target: 1, Attach: ebpf.AttachTCXIngress})
	if errors.Is(err, unix.EINVAL) {
		return ebpf.ErrNotSupported
	}
	return err
}
