// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// slots looks into the entries of a perf event array, which user space can't read: a BPF
// program does that for it. Not safe for concurrent use.
type slots struct {
	program *ebpf.Program
	result  *ebpf.Map // what the program found, one value of slotTimes
}

// slotTimes is struct bpf_perf_event_value of linux/bpf.h.
type slotTimes struct{ Counter, Enabled, Running uint64 }

// slotState is what is in an entry.
type slotState int

const (
	slotUnknown slotState = iota // it can't be told, for example since the CPU is offline
	slotEmpty
	slotOurs
	slotTaken
)

// openSlots needs Linux 5.10, for BPF_PROG_TEST_RUN of a raw tracepoint on a CPU.
func openSlots(array *ebpf.Map) (_ *slots, err error) {
	s := &slots{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("look into the entries of an events map: %w", err), s.result.Close())
		}
	}()
	s.result, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "monitor_slot", Type: ebpf.Array, KeySize: 4, ValueSize: uint32(binary.Size(slotTimes{})), MaxEntries: 1,
	})
	if err != nil {
		return nil, err
	}
	const found = "found"
	s.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "monitor_slot", Type: ebpf.RawTracepoint, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R6, asm.R1, 0, asm.DWord), // the index
			asm.StoreImm(asm.RFP, -4, 0, asm.Word),
			asm.LoadMapPtr(asm.R1, s.result.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JNE.Imm(asm.R0, 0, found),
			asm.Return(),
			asm.Mov.Reg(asm.R3, asm.R0).WithSymbol(found),
			asm.LoadMapPtr(asm.R1, array.FD()),
			asm.Mov.Reg(asm.R2, asm.R6),
			asm.Mov.Imm(asm.R4, int32(binary.Size(slotTimes{}))),
			asm.FnPerfEventReadValue.Call(),
			asm.Return(),
		},
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// read runs the program on a CPU for that CPU's entry. code is what bpf_perf_event_read_value
// returned: 0 and times, -ENOENT if the entry is empty, or another negative number.
func (s *slots) read(cpu int) (code int32, times slotTimes, err error) {
	index := make([]byte, 8)
	binary.NativeEndian.PutUint64(index, uint64(cpu))
	result, err := s.program.Run(&ebpf.RunOptions{Context: index, CPU: uint32(cpu), Flags: unix.BPF_F_TEST_RUN_ON_CPU})
	if err != nil {
		return 0, times, fmt.Errorf("look into the entry of CPU %d: %w", cpu, err)
	}
	return int32(result), times, s.result.Lookup(uint32(0), &times)
}

// maxBracket is how far apart two readings of an event's time may be so that a third one between
// them is certainly of the same event, in nanoseconds.
const maxBracket = 1e6

// state tells what is in the entry of a CPU; r is the ring whose event may be there, or nil. The
// time for which an event has been enabled, which the kernel counts in nanoseconds, tells ours from
// another one's.
func (s *slots) state(cpu int, r *Ring) slotState {
	if s == nil {
		return slotUnknown
	}
	const attempts = 3 // the CPU may be taken away between the readings
	for range attempts {
		if state := s.look(cpu, r); state != slotUnknown {
			return state
		}
	}
	return slotUnknown
}

func (s *slots) look(cpu int, r *Ring) slotState {
	var before, after uint64
	var errBefore, errAfter error
	if r != nil {
		before, errBefore = r.enabledTime()
	}
	code, times, err := s.read(cpu)
	if r != nil {
		after, errAfter = r.enabledTime()
	}
	switch {
	case errors.Join(errBefore, err, errAfter) != nil:
		return slotUnknown
	case code == -int32(unix.ENOENT):
		return slotEmpty
	case r == nil:
		return slotTaken
	default:
		return owner(code, before, times.Enabled, after)
	}
}

// owner tells whose event is in an entry. code and enabled are what was read there between two readings
// of the time of ours.
func owner(code int32, before, enabled, after uint64) slotState {
	switch {
	case code != 0 && before == after: // it can't be read, and ours stands still: its CPU was offline
		return slotOurs
	case code != 0 || enabled < before || enabled > after:
		return slotTaken
	case after-before <= maxBracket:
		return slotOurs
	default:
		return slotUnknown
	}
}

// firstTaken returns the first CPU whose entry somebody else has, of so many; -1 if there is none. ours
// are rings whose events are not somebody else's, or nil.
func (s *slots) firstTaken(entries int, ours *Rings) int {
	for cpu := range entries {
		if s.state(cpu, ours.ringOf(cpu)) == slotTaken {
			return cpu
		}
	}
	return -1
}

func (s *slots) close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.program.Close(), s.result.Close())
}
