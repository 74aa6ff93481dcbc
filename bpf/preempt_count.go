// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// preemptCountFunction is the function of kernel_drops.c whose instructions are replaced.
const preemptCountFunction = "preempt_count"

// pseudoBTFID is BPF_PSEUDO_BTF_ID of linux/bpf.h: the constant of a load is the id of a variable of the kernel.
const pseudoBTFID = asm.R3

// readPreemptCount has the function preempt_count of a program read what it is named for. It returns false, and leaves the
// function as it is, where the count is no variable of a CPU that the kernel's BTF and its symbols have: on amd64 it is, with
// CONFIG_KALLSYMS_ALL.
func readPreemptCount(prog *ebpf.ProgramSpec) (ok bool, err error) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return false, err
	}
	variable, offset, err := findPreemptCount(kernel)
	if variable == nil || err != nil {
		return false, err
	}
	id, err := kernel.TypeID(variable)
	if err != nil {
		return false, err
	}
	start := slices.IndexFunc(prog.Instructions, func(ins asm.Instruction) bool { return ins.Symbol() == preemptCountFunction })
	if start < 0 {
		return false, errors.New("the program has no function " + preemptCountFunction)
	}
	end := start + 1 + slices.IndexFunc(prog.Instructions[start:], func(ins asm.Instruction) bool {
		return ins.OpCode.JumpOp() == asm.Exit
	})
	body := asm.Instructions{
		{OpCode: asm.LoadImmOp(asm.DWord), Dst: asm.R1, Src: pseudoBTFID, Constant: int64(id)},
		asm.FnThisCpuPtr.Call(),
		asm.LoadMem(asm.R0, asm.R0, offset, asm.Word),
		asm.Return(),
	}
	alone, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, Instructions: body, License: prog.License})
	if err != nil {
		return false, nil // not with this kernel
	}
	body[0].Metadata = prog.Instructions[start].Metadata
	prog.Instructions = slices.Concat(prog.Instructions[:start], body, prog.Instructions[end:])
	return true, alone.Close()
}

// findPreemptCount returns the variable that the count of a CPU is in, nil if there is none, and where it is in it: a variable
// of its own, or, from Linux 6.2 to 6.14, a member of what a CPU has to have at hand.
func findPreemptCount(kernel *btf.Spec) (variable *btf.Var, offset int16, err error) {
	err = kernel.TypeByName("__preempt_count", &variable)
	if !errors.Is(err, btf.ErrNotFound) {
		return variable, 0, err
	}
	err = kernel.TypeByName("pcpu_hot", &variable)
	if errors.Is(err, btf.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	at, ok := memberOffset(variable.Type, "preempt_count")
	if !ok {
		return nil, 0, nil
	}
	return variable, int16(at), nil
}

// memberOffset returns where a member is in a struct, in bytes, also in structs and unions in it that have no name.
func memberOffset(typ btf.Type, name string) (offset uint32, ok bool) {
	var members []btf.Member
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Struct:
		members = t.Members
	case *btf.Union:
		members = t.Members
	}
	for _, m := range members {
		if m.Name == name {
			return m.Offset.Bytes(), true
		}
		if m.Name == "" {
			if in, ok := memberOffset(m.Type, name); ok {
				return m.Offset.Bytes() + in, true
			}
		}
	}
	return 0, false
}
