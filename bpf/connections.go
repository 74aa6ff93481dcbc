// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/cilium/monitor/api"
)

// The functions of connection.h, which not every kernel takes, nor from everybody: what comes in is looked up by Linux 5.18 with its
// module nf_conntrack, and where it is a module that takes CAP_SYS_ADMIN. All take BTF, and read the kernel's memory, which
// one that is locked down does not allow.
const (
	lookUpFunction  = "look_up"
	trackedFunction = "tracked_state"
	hooksFunction   = "has_hooks"
	tracksFunction  = "tracks_connections"
)

// loadHostPrograms loads what objects has fields for, with as much of connection.h as the kernel takes. If that is not all, missing
// says why.
func loadHostPrograms(spec *ebpf.CollectionSpec, objects any, opts *ebpf.CollectionOptions) (missing, err error) {
	err = spec.LoadAndAssign(objects, opts)
	for _, refused := range [][]string{{lookUpFunction}, {trackedFunction, hooksFunction, tracksFunction}} {
		if err == nil {
			break
		}
		if missing == nil {
			missing = err
		}
		for _, prog := range spec.Programs {
			for _, function := range refused {
				returnUnknownState(prog, function)
			}
		}
		err = spec.LoadAndAssign(objects, opts)
	}
	return missing, err
}

// returnUnknownState has a function do nothing but return that the state is unknown, if a program has it.
func returnUnknownState(prog *ebpf.ProgramSpec, function string) {
	start := slices.IndexFunc(prog.Instructions, func(ins asm.Instruction) bool { return ins.Symbol() == function })
	if start < 0 {
		return
	}
	end := start + 1
	for end < len(prog.Instructions) && prog.Instructions[end].Symbol() == "" {
		end++
	}
	body := asm.Instructions{asm.Mov.Imm(asm.R0, api.TraceReasonUnknown), asm.Return()}
	body[0].Metadata = prog.Instructions[start].Metadata
	prog.Instructions = slices.Concat(prog.Instructions[:start], body, prog.Instructions[end:])
}
