// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// entries tells whether an entry of a perf event array was changed, at the price of a system call: slots,
// which tell whose it is, interrupt the entry's CPU for that.
//
// Each put makes a new struct bpf_event_entry, and the array has a pointer to it. A BPF program reads that out of
// the kernel's memory. Not safe for concurrent use.
type entries struct {
	program *ebpf.Program
	first   uint64 // where in the kernel's struct the pointer of entry 0 is
}

// openEntries needs Linux 5.10, and a kernel that lets BPF programs read its memory: one that is locked down
// for confidentiality does not. event is any perf event.
func openEntries(array *ebpf.Map, event int) (*entries, error) {
	first, err := firstEntry(event)
	if err != nil {
		return nil, err
	}
	program, err := newPeek(array)
	if err != nil {
		return nil, err
	}
	return &entries{program: program, first: first}, nil
}

// read returns what tells the content of a CPU's entry from what was or will be there: 0 if it is empty.
func (e *entries) read(cpu int) (uint32, error) {
	value, err := peek(e.program, e.first+8*uint64(cpu))
	if err == nil && value == peekFailed {
		err = errors.New("look at the entries of an events map: reading the kernel's memory failed")
	}
	return value, err
}

func (e *entries) close() error {
	if e == nil {
		return nil
	}
	return e.program.Close()
}

// newPeek returns a program that reads 8 bytes of the kernel's struct of a map.
func newPeek(m *ebpf.Map) (*ebpf.Program, error) {
	const failed = "failed"
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "monitor_entry", Type: ebpf.RawTracepoint, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R6, asm.R1, 0, asm.DWord), // the offset
			asm.LoadMapPtr(asm.R1, m.FD()),
			asm.StoreMem(asm.RFP, -8, asm.R1, asm.DWord),
			// What was a pointer to a map for the verifier is a number in the copy.
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -16),
			asm.Mov.Imm(asm.R2, 8),
			asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -8),
			asm.FnProbeReadKernel.Call(),
			asm.JNE.Imm(asm.R0, 0, failed),
			asm.LoadMem(asm.R3, asm.RFP, -16, asm.DWord),
			asm.Add.Reg(asm.R3, asm.R6),
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -16),
			asm.Mov.Imm(asm.R2, 8),
			asm.FnProbeReadKernel.Call(),
			asm.JNE.Imm(asm.R0, 0, failed),
			asm.LoadMem(asm.R0, asm.RFP, -16, asm.DWord),
			asm.Return(), // the lower half of a pointer: none is a multiple of 4 GiB
			asm.Mov.Imm(asm.R0, peekFailed).WithSymbol(failed),
			asm.Return(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("look at the entries of an events map: %w", err)
	}
	return program, nil
}

// peekFailed is what the program returns if it can't read. It is no pointer to a struct, since it is odd.
const peekFailed = 1

// peek runs the program of newPeek.
func peek(program *ebpf.Program, offset uint64) (uint32, error) {
	var context [8]byte
	binary.NativeEndian.PutUint64(context[:], offset)
	value, err := program.Run(&ebpf.RunOptions{Context: context[:]})
	if err != nil {
		return 0, fmt.Errorf("look at the entries of an events map: %w", err)
	}
	return value, nil
}

// foundFirst is what findFirst found, once.
var foundFirst struct {
	mu     sync.Mutex // guards what follows
	offset uint64     // 0 if it has not been found
}

// firstEntry returns where in the kernel's struct of a perf event array the pointer of entry 0 is.
func firstEntry(event int) (uint64, error) {
	foundFirst.mu.Lock()
	defer foundFirst.mu.Unlock()
	if foundFirst.offset == 0 {
		offset, err := findFirst(event)
		if err != nil {
			return 0, err
		}
		foundFirst.offset = offset
	}
	return foundFirst.offset, nil
}

// findFirst looks what of an array changes when an event is put into it and taken out again. That is the same for
// all kernels, unlike where it is.
func findFirst(event int) (_ uint64, err error) {
	array, err := ebpf.NewMap(&ebpf.MapSpec{Name: "monitor_entry", Type: ebpf.PerfEventArray, MaxEntries: 1})
	if err != nil {
		return 0, fmt.Errorf("look at the entries of an events map: %w", err)
	}
	program, err := newPeek(array)
	if err != nil {
		return 0, errors.Join(err, array.Close())
	}
	defer func() { err = errors.Join(err, program.Close(), array.Close()) }()
	const words = 128 // more than struct bpf_array has
	look := func() (content [words]uint32) {
		for i := range content {
			value, peekErr := peek(program, 8*uint64(i))
			err = errors.Join(err, peekErr)
			content[i] = value
		}
		return content
	}
	before := look()
	err = errors.Join(err, array.Put(uint32(0), uint32(event)))
	there := look()
	err = errors.Join(err, array.Delete(uint32(0)))
	after := look()
	if err != nil {
		return 0, err
	}
	var found []uint64
	for i := range there {
		if before[i] == 0 && there[i] != 0 && after[i] == 0 {
			found = append(found, 8*uint64(i))
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("look at the entries of an events map: %d words look like one", len(found))
	}
	return found[0], nil
}
