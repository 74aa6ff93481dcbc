// SPDX-License-Identifier: Apache-2.0

package perfring_test

import (
	"encoding/binary"
	"log"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/source"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(readerOf); path != "" {
		if err := readAnother(path); err != nil {
			log.Fatal(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// datapath is a program that writes samples into a perf event array: 4 bytes count and
// 4 bytes that are 1, repeated up to the given size.
type datapath struct {
	events *ebpf.Map
	prog   *ebpf.Program
}

func newDatapath(t *testing.T, size int) *datapath {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading BPF programs needs root")
	}
	events, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray, Name: "events"})
	require.NoError(t, err)
	t.Cleanup(func() { events.Close() })

	insns := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	insns = append(insns, asm.LoadMem(asm.R7, asm.R6, 8, asm.Word)) // __sk_buff.mark: the count
	for offset := int16(-size); offset < 0; offset += 8 {
		insns = append(insns,
			asm.StoreMem(asm.RFP, offset, asm.R7, asm.Word),
			asm.StoreImm(asm.RFP, offset+4, 1, asm.Word))
	}
	insns = append(insns,
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.LoadMapPtr(asm.R2, events.FD()),
		asm.LoadImm(asm.R3, 0xffffffff, asm.DWord), // BPF_F_CURRENT_CPU
		asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, int32(-size)),
		asm.Mov.Imm(asm.R5, int32(size)),
		asm.FnPerfEventOutput.Call(),
		asm.Mov.Imm(asm.R0, 0), asm.Return())
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "Dual BSD/GPL", Instructions: insns})
	require.NoError(t, err)
	t.Cleanup(func() { prog.Close() })
	return &datapath{events: events, prog: prog}
}

// emit has the program write n samples, counted from first, on the given CPU.
func (d *datapath) emit(t *testing.T, cpu, first, n int) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, only unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &before))
	only.Set(cpu)
	require.NoError(t, unix.SchedSetaffinity(0, &only))
	defer func() { require.NoError(t, unix.SchedSetaffinity(0, &before)) }()

	// Not by repetitions in one call: they start over when a signal comes.
	skb := make([]byte, 192)
	run := ebpf.RunOptions{Data: make([]byte, 64), Context: skb}
	for count := first; count < first+n; count++ {
		binary.NativeEndian.PutUint32(skb[8:], uint32(count)) // __sk_buff.mark
		_, err := d.prog.Run(&run)
		require.NoError(t, err)
	}
}

// drain returns the counts of all samples in the ring and the sum of the losses.
func drain(t *testing.T, ring source.Ring, size int) (counts []int, lost int) {
	t.Helper()
	var rec source.Record
	for {
		ok, err := ring.Next(&rec)
		require.NoError(t, err)
		if !ok {
			break
		}
		switch rec.Kind {
		case source.Sample:
			data := append(append([]byte(nil), rec.Head...), rec.Tail...)
			require.GreaterOrEqual(t, len(data), size)
			require.Less(t, len(data), size+8)
			count := binary.NativeEndian.Uint32(data)
			for i := 0; i < size; i += 8 {
				require.Equal(t, count, binary.NativeEndian.Uint32(data[i:]))
				require.EqualValues(t, 1, binary.NativeEndian.Uint32(data[i+4:]))
			}
			counts = append(counts, int(count))
		case source.Lost:
			lost += int(rec.Lost)
		default:
			require.Fail(t, "a record of unknown kind")
		}
	}
	ring.Release()
	return counts, lost
}

func open(t *testing.T, d *datapath, pages int) *perfring.Rings {
	t.Helper()
	return openWith(t, d, perfring.Options{Pages: pages})
}

func openWith(t *testing.T, d *datapath, opts perfring.Options) *perfring.Rings {
	t.Helper()
	rings, err := openArray(t, d.events, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rings.Close()) })
	return rings
}

// openArray opens rings of an array that stays the caller's.
func openArray(t *testing.T, array *ebpf.Map, opts perfring.Options) (*perfring.Rings, error) {
	t.Helper()
	rings, err := sourceOf(t, array, opts).Open()
	if err != nil {
		return nil, err
	}
	return rings.(*perfring.Rings), nil
}

func sequence(first, n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = first + i
	}
	return s
}

// TestRead writes and reads round and round a small ring, so that records lie across its
// end in every way.
func TestRead(t *testing.T) {
	for _, size := range []int{8, 40, 176, 504} {
		d := newDatapath(t, size)
		rings := open(t, d, 1)
		n := 3500 / (size + 16) // records, which is most of a ring of one page
		for _, ring := range rings.All() {
			for i := range 25 {
				d.emit(t, ring.CPU(), n*i, n)
				requireWoken(t, rings, "an eager ring wakes up")
				counts, lost := drain(t, ring, size)
				require.Equal(t, sequence(n*i, n), counts)
				require.Zero(t, lost)
				require.Zero(t, ring.Pending())
			}
		}
	}
}

// requireWoken waits until a ring wakes the reader up.
func requireWoken(t *testing.T, rings *perfring.Rings, why string) {
	t.Helper()
	woken, err := rings.Wait(epoll.Forever)
	require.NoError(t, err)
	require.Len(t, woken, 1, why)
}

// TestModes checks who wakes the reader up: with rings that are eager every record does,
// with rings that are lazy the one that fills another half.
func TestModes(t *testing.T) {
	const size, record, pages = 176, 8 + 4 + 176 + 4, 4
	d := newDatapath(t, size)
	rings := open(t, d, pages)
	for _, ring := range rings.All() {
		half := pages*os.Getpagesize()/2/record + 1
		require.NoError(t, ring.(source.Throttle).SetMode(source.Lazy))
		d.emit(t, ring.CPU(), 0, 1)
		woken, err := rings.Wait(10 * time.Millisecond)
		require.NoError(t, err)
		require.Empty(t, woken, "a lazy ring does not wake up for a record")
		counts, _ := drain(t, ring, size)
		require.Equal(t, []int{0}, counts, "a lazy ring is read all the same")

		d.emit(t, ring.CPU(), 0, half)
		requireWoken(t, rings, "half a ring wakes up")
		counts, _ = drain(t, ring, size)
		require.Equal(t, sequence(0, half), counts)

		require.NoError(t, ring.(source.Throttle).SetMode(source.Eager))
		d.emit(t, ring.CPU(), 5, 1)
		requireWoken(t, rings, "a record wakes up")
		counts, _ = drain(t, ring, size)
		require.Equal(t, []int{5}, counts)
	}
}

// TestModeOfForeignEntry changes the mode of a ring whose entry was taken out of the array, or by
// another reader: it stays as it is.
func TestModeOfForeignEntry(t *testing.T) {
	d := newDatapath(t, 8)
	rings := open(t, d, 1)
	ring := rings.All()[0].(source.Throttle)
	require.NoError(t, ring.SetMode(source.Lazy))
	require.NoError(t, d.events.Delete(uint32(0)))
	require.ErrorIs(t, ring.SetMode(source.Eager), source.ErrStale)
	d.emit(t, 0, 1, 1)
	require.Zero(t, ring.Pending(), "the entry is still empty")

	other := openWith(t, d, perfring.Options{Pages: 1, TakeOver: true})
	require.ErrorIs(t, ring.SetMode(source.Eager), source.ErrStale)
	d.emit(t, 0, 2, 1)
	require.Zero(t, ring.Pending())
	require.NotZero(t, other.All()[0].Pending(), "the other one has it")
}

// TestLost fills the ring and checks that every event is there or counted as lost, whether
// the kernel wrote the loss into the ring or not.
func TestLost(t *testing.T) {
	const size = 176
	d := newDatapath(t, size)
	rings := open(t, d, 1)
	for _, ring := range rings.All() {
		d.emit(t, ring.CPU(), 0, 1000)
		counts, lost := drain(t, ring, size)
		require.Zero(t, lost, "the kernel writes losses with the next sample")
		require.NotEmpty(t, counts)

		atEnd, err := ring.(source.LossCounter).LostNow()
		require.NoError(t, err)
		require.EqualValues(t, 1000, len(counts)+int(atEnd))
		again, err := ring.(source.LossCounter).LostNow()
		require.NoError(t, err)
		require.Zero(t, again)

		d.emit(t, ring.CPU(), 1000, 1)
		counts, lost = drain(t, ring, size)
		require.Equal(t, []int{1000}, counts)
		require.Zero(t, lost, "what LostNow returned is not returned again")

		d.emit(t, ring.CPU(), 0, 1000)
		first, _ := drain(t, ring, size)
		d.emit(t, ring.CPU(), 1000, 1000)
		second, lost := drain(t, ring, size)
		atEnd, err = ring.(source.LossCounter).LostNow()
		require.NoError(t, err)
		require.EqualValues(t, 2000, len(first)+len(second)+lost+int(atEnd))
		require.NotZero(t, lost)
		require.NotZero(t, atEnd)
	}
}

// TestDetach checks that the datapath writes no more, and that what it wrote can be read.
func TestDetach(t *testing.T) {
	const size = 40
	d := newDatapath(t, size)
	rings := open(t, d, 1)
	for _, ring := range rings.All() {
		d.emit(t, ring.CPU(), 0, 3)
	}
	require.NoError(t, rings.Detach())
	for _, ring := range rings.All() {
		d.emit(t, ring.CPU(), 3, 3)
		counts, _ := drain(t, ring, size)
		require.Equal(t, []int{0, 1, 2}, counts)
	}
}

// TestUnmapWhileWaiting checks that a reader can be stopped from another goroutine.
func TestUnmapWhileWaiting(t *testing.T) {
	d := newDatapath(t, 40)
	rings := open(t, d, 1)
	ended := make(chan error)
	go func() {
		_, err := rings.Wait(epoll.Forever)
		ended <- err
	}()
	require.NoError(t, rings.Unmap())
	require.NoError(t, rings.Wake())
	require.NoError(t, <-ended)
	require.Empty(t, rings.All())
}

// TestLargeArray opens an array that has more entries than there are CPUs.
func TestLargeArray(t *testing.T) {
	events, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray, MaxEntries: 4096})
	require.NoError(t, err)
	defer events.Close()
	rings, err := openArray(t, events, perfring.Options{Pages: 1})
	require.NoError(t, err)
	require.NotEmpty(t, rings.All())
	require.NoError(t, rings.Close())
}

func TestOpenErrors(t *testing.T) {
	d := newDatapath(t, 40)
	_, err := openArray(t, d.events, perfring.Options{Pages: 0})
	require.ErrorContains(t, err, "0 pages")
	_, err = openArray(t, d.events, perfring.Options{Pages: 1 << 30})
	require.ErrorContains(t, err, "map 1073741825 pages")
	_, err = openArray(t, d.events, perfring.Options{Pages: 3})
	require.ErrorContains(t, err, "3 pages")
	require.NoError(t, d.events.Freeze())
	_, err = openArray(t, d.events, perfring.Options{Pages: 1})
	require.ErrorIs(t, err, unix.EPERM)
	require.ErrorContains(t, err, "put perf event of CPU 0 into the events map")
}
