// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// entries tells which of our events is in an entry of a perf event array, at the price of a system call: slots,
// which tell whose an entry is, interrupt its CPU for that.
//
// The array has a pointer to a struct bpf_event_entry, which begins with a pointer to the event. A BPF program
// reads that out of the kernel's memory. No other event is where ours is, as long as ours is open. Not safe for
// concurrent use.
type entries struct {
	program *ebpf.Program
	first   uint64 // where in the kernel's struct the pointer of entry 0 is

	// An array of one entry that nobody writes into, for events that are to be known, and what reads it.
	scratch *ebpf.Map
	peek    *ebpf.Program
}

// openEntries needs Linux 5.10, and a kernel that lets BPF programs read its memory: one that is locked down
// for confidentiality does not. event is any perf event.
func openEntries(array *ebpf.Map, event int) (_ *entries, err error) {
	e := &entries{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	e.scratch, err = ebpf.NewMap(&ebpf.MapSpec{Name: "monitor_entry", Type: ebpf.PerfEventArray, MaxEntries: 1})
	if err != nil {
		return nil, fmt.Errorf("look at the entries of an events map: %w", err)
	}
	if e.peek, err = newPeek(e.scratch); err != nil {
		return nil, err
	}
	if e.first, err = findFirst(e.scratch, e.peek, event); err != nil {
		return nil, err
	}
	if e.program, err = newPeek(array); err != nil {
		return nil, err
	}
	return e, nil
}

// identify returns what read returns where that event is.
func (e *entries) identify(event int) (uint32, error) {
	if err := e.scratch.Put(uint32(0), uint32(event)); err != nil {
		return 0, fmt.Errorf("look at the entries of an events map: %w", err)
	}
	return readEntry(e.peek, e.first)
}

// read returns which event is in a CPU's entry: 0 if it is empty.
func (e *entries) read(cpu int) (uint32, error) { return readEntry(e.program, e.first+8*uint64(cpu)) }

func readEntry(program *ebpf.Program, offset uint64) (uint32, error) {
	value, err := peek(program, offset)
	if err == nil && value == peekFailed {
		err = errors.New("look at the entries of an events map: reading the kernel's memory failed")
	}
	return value, err
}

func (e *entries) close() error {
	if e == nil {
		return nil
	}
	return errors.Join(e.program.Close(), e.peek.Close(), e.scratch.Close())
}

// newPeek returns a program that reads a pointer in the kernel's struct of a map, and what it points to.
func newPeek(m *ebpf.Map) (*ebpf.Program, error) {
	const failed, end = "failed", "end"
	load := func(from asm.Instruction) asm.Instructions { // R0 = *from
		return asm.Instructions{
			from,
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -16),
			asm.Mov.Imm(asm.R2, 8),
			asm.FnProbeReadKernel.Call(),
			asm.JNE.Imm(asm.R0, 0, failed),
			asm.LoadMem(asm.R0, asm.RFP, -16, asm.DWord),
		}
	}
	insns := asm.Instructions{
		asm.LoadMem(asm.R6, asm.R1, 0, asm.DWord), // the offset
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.StoreMem(asm.RFP, -8, asm.R1, asm.DWord),
		// What is a pointer to a map for the verifier is a number in the copy.
		asm.Mov.Reg(asm.R7, asm.RFP), asm.Add.Imm(asm.R7, -8),
	}
	insns = append(insns, load(asm.Mov.Reg(asm.R3, asm.R7))...)
	insns = append(insns, asm.Add.Reg(asm.R0, asm.R6))
	insns = append(insns, load(asm.Mov.Reg(asm.R3, asm.R0))...)
	insns = append(insns, asm.JEq.Imm(asm.R0, 0, end))
	insns = append(insns, load(asm.Mov.Reg(asm.R3, asm.R0))...)
	insns = append(insns,
		asm.Return().WithSymbol(end), // the lower half, which is enough to tell events apart
		asm.Mov.Imm(asm.R0, peekFailed).WithSymbol(failed),
		asm.Return(),
	)
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "monitor_entry", Type: ebpf.RawTracepoint, License: "Dual BSD/GPL", Instructions: insns,
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

// findFirst returns where in the kernel's struct of a perf event array the pointer of entry 0 is: where
// something changes when an event is put into an array and taken out again. That is the same for all kernels,
// unlike where it is.
func findFirst(array *ebpf.Map, program *ebpf.Program, event int) (offset uint64, err error) {
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
		return 0, fmt.Errorf("look at the entries of an events map: %w", err)
	}
	found := 0
	for i := range there {
		if before[i] == 0 && there[i] != 0 && there[i] != peekFailed && after[i] == 0 {
			offset = 8 * uint64(i)
			found++
		}
	}
	if found != 1 {
		return 0, fmt.Errorf("look at the entries of an events map: %d words look like one", found)
	}
	return offset, nil
}
