// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/wakeup"
	"github.com/cilium/monitor/agent/source"
)

// manyCPUs has a machine pretend to have so many CPUs: the events of the others are events of those that it has.
func manyCPUs(tb testing.TB, cpus int) (real int) {
	tb.Helper()
	real = ebpf.MustPossibleCPU()
	possible, open := possibleCPUs, perfEventOpen
	tb.Cleanup(func() { possibleCPUs, perfEventOpen = possible, open })
	possibleCPUs = func() (int, error) { return cpus, nil }
	perfEventOpen = func(attr *unix.PerfEventAttr, pid, cpu, group, flags int) (int, error) {
		return open(attr, pid, cpu%real, group, flags)
	}
	return real
}

// largeArray makes an array with more entries than there are CPUs, which package ebpf does not.
func largeArray(tb testing.TB, entries int) *ebpf.Map {
	tb.Helper()
	attr := struct{ mapType, keySize, valueSize, maxEntries uint32 }{unix.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, uint32(entries)}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	require.Zero(tb, errno)
	array, err := ebpf.NewMapFromFD(int(fd))
	require.NoError(tb, err)
	return array
}

// writer writes samples into any entry of an array.
type writer struct {
	program *ebpf.Program
	real    int // CPUs
}

func newWriter(tb testing.TB, array *ebpf.Map, real int) *writer {
	tb.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.RawTracepoint, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R3, asm.R1, 0, asm.DWord), // the entry
			asm.StoreImm(asm.RFP, -8, 1, asm.Word), asm.StoreImm(asm.RFP, -4, 1, asm.Word),
			asm.LoadMapPtr(asm.R2, array.FD()),
			asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, -8),
			asm.Mov.Imm(asm.R5, 8),
			asm.FnPerfEventOutput.Call(),
			asm.Return(),
		},
	})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, program.Close()) })
	return &writer{program, real}
}

func (w *writer) write(tb testing.TB, entry int) {
	context := make([]byte, 8)
	binary.NativeEndian.PutUint64(context, uint64(entry))
	code, err := w.program.Run(&ebpf.RunOptions{Context: context, CPU: uint32(entry % w.real), Flags: unix.BPF_F_TEST_RUN_ON_CPU})
	if err != nil || code != 0 {
		require.Fail(tb, "write a sample", "%d, %v", int32(code), err)
	}
}

func manyRings(tb testing.TB, cpus int) (*Rings, *writer) {
	tb.Helper()
	real := manyCPUs(tb, cpus)
	array := largeArray(tb, cpus)
	src := New(array, Options{Pages: 64})
	tb.Cleanup(func() { require.NoError(tb, src.Close()) })
	rings, err := src.Open()
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, rings.Close()) })
	return rings.(*Rings), newWriter(tb, array, real)
}

// TestManyCPUs has events on each of many CPUs wake the reader up.
func TestManyCPUs(t *testing.T) {
	const cpus = 128
	rings, w := manyRings(t, cpus)
	require.Len(t, rings.All(), cpus)
	for cpu := range cpus {
		w.write(t, cpu)
	}
	var woken []int
	for len(woken) < cpus {
		some, err := rings.Wait(source.Forever)
		require.NoError(t, err)
		require.NotEmpty(t, some)
		woken = append(woken, some...)
	}
	slices.Sort(woken)
	for i := range woken {
		require.Equal(t, i, woken[i])
		require.NoError(t, rings.rings[i].SetMode(source.Once))
	}
	w.write(t, 100)
	woken, err := rings.Wait(source.Forever)
	require.NoError(t, err)
	require.Equal(t, []int{100}, woken)
}

// visit is what a reader does in a visit, without delivering anything. It returns how many records it read.
func visit(b *testing.B, rings *Rings, policy *wakeup.Policy, at int) (n int) {
	woken, err := rings.Wait(0)
	require.NoError(b, err)
	now := 500 * time.Microsecond * time.Duration(at)
	look, changes := policy.Begin(now, woken)
	adapt := func() {
		for _, c := range changes {
			require.NoError(b, rings.rings[c.Ring].SetMode(c.Mode))
		}
	}
	adapt()
	var rec source.Record
	for _, i := range look {
		r := rings.rings[i]
		found := 0
		for ; r.Pending() > 0; found++ {
			ok, err := r.Next(&rec)
			require.NoError(b, err)
			require.True(b, ok)
		}
		r.Release()
		policy.Found(i, found)
		n += found
	}
	changes = policy.End(now)
	adapt()
	return n
}

// BenchmarkVisit is a visit of a reader to rings of which two are busy, and of which all are.
func BenchmarkVisit(b *testing.B) {
	for _, cpus := range []int{2, 16, 64, 256} {
		for _, busy := range slices.Compact([]int{2, cpus}) {
			b.Run(fmt.Sprintf("%d of %d", busy, cpus), func(b *testing.B) {
				rings, w := manyRings(b, cpus)
				throttled := slices.Repeat([]bool{true}, cpus)
				policy := wakeup.New(throttled, 500*time.Microsecond)
				at := 0
				for b.Loop() {
					b.StopTimer()
					for cpu := range busy {
						w.write(b, cpu)
					}
					b.StartTimer()
					for n := 0; n < busy; at++ {
						n += visit(b, rings, policy, at)
					}
				}
			})
		}
	}
}

// BenchmarkOpen is the beginning and the end of reading. What a new event takes grows with the events that its CPU has:
// where there are fewer CPUs than rings, more than it would.
func BenchmarkOpen(b *testing.B) {
	for _, cpus := range []int{2, 16, 64, 256} {
		b.Run(fmt.Sprint(cpus), func(b *testing.B) {
			manyCPUs(b, cpus)
			src := New(largeArray(b, cpus), Options{Pages: 64})
			defer src.Close()
			files := func() int {
				entries, err := os.ReadDir("/proc/self/fd")
				require.NoError(b, err)
				return len(entries)
			}
			before := files()
			for b.Loop() {
				rings, err := src.Open()
				require.NoError(b, err)
				b.StopTimer()
				b.ReportMetric(float64(files()-before), "descriptors")
				b.StartTimer()
				require.NoError(b, rings.Close())
			}
		})
	}
}
