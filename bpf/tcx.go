// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// tcx are the programs of a device, attached by links, which end with the process.
type tcx struct {
	index int
	links []link.Link
}

// attachTCX puts the programs in front of those that the device has. The error wraps
// ebpf.ErrNotSupported if the kernel has no TCX.
func attachTCX(dev device, ingress, egress *ebpf.Program) (attachment, error) {
	t := &tcx{index: dev.index}
	for _, opts := range []link.TCXOptions{
		{Program: ingress, Attach: ebpf.AttachTCXIngress},
		{Program: egress, Attach: ebpf.AttachTCXEgress},
	} {
		opts.Interface = dev.index
		opts.Anchor = link.Head()
		l, err := link.AttachTCX(opts)
		if err != nil {
			return nil, errors.Join(err, t.detach())
		}
		t.links = append(t.links, l)
	}
	return t, nil
}

// attached implements attachment. A link outlives the device, which it then has no more.
func (t *tcx) attached() (bool, error) {
	for _, l := range t.links {
		info, err := l.Info()
		if err != nil {
			return false, fmt.Errorf("look at the TCX link: %w", err)
		}
		if extra := info.TCX(); extra == nil || int(extra.Ifindex) != t.index {
			return false, nil
		}
	}
	return true, nil
}

// detach implements attachment.
func (t *tcx) detach() error {
	var errs []error
	for _, l := range t.links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
