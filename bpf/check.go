// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// CheckPrograms tells whether the kernel takes the programs of [Load]. It loads them and attaches them to nothing.
func CheckPrograms() error {
	spec, err := loadHost()
	if err != nil {
		return err
	}
	var programs hostPrograms
	if _, err := loadHostPrograms(spec, &programs, nil); err != nil {
		return fmt.Errorf("load the datapath's programs: %w", err)
	}
	return programs.Close()
}

// CheckTCX tells whether [Load] could attach by TCX, and changes nothing. The error wraps
// ebpf.ErrNotSupported if the kernel has no TCX: then it attaches by clsact.
func CheckTCX() error {
	// It asks for the programs of the loopback device, which is the first of each network
	// namespace. A kernel that does not know TCX calls the question invalid.
	_, err := link.QueryPrograms(link.QueryOptions{Target: 1, Attach: ebpf.AttachTCXIngress})
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("TCX: %w", ebpf.ErrNotSupported)
	}
	return err
}

// CheckClsact tells whether [Load] could attach by clsact. It tries that in a network
// namespace of its own, which takes CAP_SYS_ADMIN: without, the error wraps os.ErrPermission. It wraps
// ebpf.ErrNotSupported if the kernel lacks the qdisc or the filter.
func CheckClsact() error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // to the end: the thread goes, and the namespace with it
		result <- tryClsact()
	}()
	return <-result
}

func tryClsact() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace: %w", err)
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.SchedCLS,
		Instructions: asm.Instructions{asm.LoadImm(asm.R0, 0, asm.DWord), asm.Return()},
		License:      "Dual BSD/GPL",
	})
	if err != nil {
		return fmt.Errorf("load a program: %w", err)
	}
	defer prog.Close()
	lo, err := findDevice("lo")
	if err != nil {
		return err
	}
	if _, err := addClsact(lo.index); err != nil {
		return notSupported(err)
	}
	c := &clsact{index: lo.index, name: ownerPrefix}
	return notSupported(c.addFilter(netlink.HANDLE_MIN_INGRESS, prog))
}

// notSupported tells a kernel that does not know the kind of a qdisc or filter.
func notSupported(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w: %w", ebpf.ErrNotSupported, err)
	}
	return err
}
