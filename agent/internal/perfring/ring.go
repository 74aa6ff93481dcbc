// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/source"
)

const (
	headerSize = 8              // struct perf_event_header: type u32, misc u16, size u16
	sampleSize = headerSize + 4 // PERF_SAMPLE_RAW: size u32, then the data
	lostSize   = headerSize + 16
	maxRecord  = 1<<16 + lostSize // of a sample, and the loss that the kernel writes before it
)

// errCorrupt is returned for a record that can't be one.
var errCorrupt = errors.New("corrupt perf ring buffer")

// Ring is the perf ring buffer of one CPU. It has several perf events that write into it, of
// which one at a time is in the events map. They differ in when they wake the reader up, see
// wakeupEvents; each does so also when half of the ring has been written.
//
// It implements [source.Throttle] and [source.LossCounter].
type Ring struct {
	array *ebpf.Map
	slots *slots // of Rings, which has it closed
	cpu   int

	// entries are those of Rings, nil if the kernel does not tell; events is what ours are by them.
	entries *entries
	events  [len(wakeupEvents)]uint32

	fds   [len(wakeupEvents)]int
	event int    // whose turn it is: an index of fds and wakeupEvents
	seen  uint64 // what enabledTime was when the ring was checked last
	mmap  []byte
	meta  *unix.PerfEventMmapPage
	data  []byte // a power of two of bytes
	tail  uint64 // up to here records were returned
	count countdown

	// The kernel counts losses twice: in the Lost records, which it writes only
	// together with a next sample, and in a total for each perf event.
	lostRecords  uint64 // sum of the Lost records
	lostReported uint64 // what we returned of the losses so far
	wasFull      bool   // there may have been losses since LostNow
}

// openRing opens the ring of a CPU. slots are those of the array. pages is a power of two.
func openRing(array *ebpf.Map, slots *slots, cpu, pages int) (*Ring, error) {
	r := &Ring{array: array, slots: slots, cpu: cpu, fds: noEvents(), count: newCountdown(eagerEvent)}
	if err := r.open(pages); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *Ring) open(pages int) (err error) {
	if r.fds[eagerEvent], err = openEvent(r.cpu, wakeupEvents[eagerEvent]); err != nil {
		return err
	}
	size := pages * unix.Getpagesize()
	if r.mmap, err = mapRing(r.fds[eagerEvent], unix.Getpagesize()+size); err != nil {
		return fmt.Errorf("map %d pages: %w", 1+pages, err)
	}
	r.meta = (*unix.PerfEventMmapPage)(unsafe.Pointer(&r.mmap[0]))
	r.data = r.mmap[unix.Getpagesize():]
	return r.openEvent(lazyEvent)
}

// openEvent opens one of the events, unless it is open. Most rings of a machine with many CPUs need
// few of them.
func (r *Ring) openEvent(event int) error {
	if r.fds[event] != -1 {
		return nil
	}
	fd, err := openEvent(r.cpu, wakeupEvents[event])
	if err != nil {
		return err
	}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_OUTPUT, r.fds[eagerEvent]); err != nil {
		return errors.Join(fmt.Errorf("let perf events share a ring: %w", err), unix.Close(fd))
	}
	r.fds[event] = fd
	if err := r.identify(event); err != nil {
		r.fds[event] = -1
		return errors.Join(err, unix.Close(fd))
	}
	return nil
}

// identify finds out what an event is by entries, if there are any.
func (r *Ring) identify(event int) (err error) {
	if r.entries != nil {
		r.events[event], err = r.entries.identify(r.fds[event])
	}
	return err
}

// noEvents returns the descriptors of a ring that has no event open.
func noEvents() (fds [len(wakeupEvents)]int) {
	for i := range fds {
		fds[i] = -1
	}
	return fds
}

// mapRing maps the ring of an event, of so many bytes.
func mapRing(fd, size int) ([]byte, error) {
	return unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

// perfFormatLost is PERF_FORMAT_LOST of linux/perf_event.h.
const perfFormatLost = 1 << 4

// reading is what a read of an event returns.
type reading struct {
	Value   uint64
	Enabled uint64 // for how long, in nanoseconds
	Lost    uint64 // samples; always 0 before Linux 6.0, which does not return it
}

// readEvent reads an event, and tells whether it counts losses.
func readEvent(fd int) (r reading, countsLosses bool, err error) {
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&r)), unsafe.Sizeof(r))
	n, err := unix.Read(fd, buf)
	return r, n == len(buf), err
}

// What tests stand in for: a machine with CPUs that are offline, and an older kernel.
var (
	possibleCPUs  = ebpf.PossibleCPU
	perfEventOpen = unix.PerfEventOpen
)

// openEvent opens an event that wakes up its reader each time that so many records were written. It
// returns -1 with an error.
func openEvent(cpu int, wakeup int32) (fd int, err error) {
	attr := unix.PerfEventAttr{
		Type:        unix.PERF_TYPE_SOFTWARE,
		Config:      unix.PERF_COUNT_SW_BPF_OUTPUT,
		Size:        uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Sample_type: unix.PERF_SAMPLE_RAW,
		Wakeup:      uint32(wakeup),
	}
	for _, lost := range []uint64{perfFormatLost, 0} { // the latter for Linux before 6.0
		attr.Read_format = unix.PERF_FORMAT_TOTAL_TIME_ENABLED | lost
		fd, err = perfEventOpen(&attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if !errors.Is(err, unix.EINVAL) {
			break
		}
	}
	if err != nil {
		return -1, fmt.Errorf("perf_event_open: %w", err)
	}
	return fd, nil
}

// CPU returns the CPU that writes into the ring.
func (r *Ring) CPU() int { return r.cpu }

// SetMode implements [source.Throttle]. An entry that is not ours any more stays as it is: putting
// our event there would take it from whose it is, or hide that events were lost since somebody took
// it out.
func (r *Ring) SetMode(mode source.Mode) error {
	if r.meta == nil {
		return fmt.Errorf("change the mode of CPU %d: %w", r.cpu, os.ErrClosed)
	}
	if state := r.state(); state == slotEmpty || state == slotTaken {
		return fmt.Errorf("%w: the entry of CPU %d is not ours any more", source.ErrStale, r.cpu)
	}
	event := r.count.eventFor(mode, r.tail, atomic.LoadUint64(&r.meta.Data_head))
	if err := r.openEvent(event); err != nil {
		event = eagerEvent // there are no descriptors left, for example
	}
	return r.put(event)
}

// state tells what is in the ring's entry of the array.
func (r *Ring) state() slotState {
	if r.entries == nil {
		return r.slots.state(r.cpu, r)
	}
	switch event, err := r.entries.read(r.cpu); {
	case err != nil:
		return r.slots.state(r.cpu, r)
	case event == 0:
		return slotEmpty
	case event == r.events[r.event]:
		return slotOurs
	default:
		return slotTaken
	}
}

// put puts an event into the array.
func (r *Ring) put(event int) error {
	before := atomic.LoadUint64(&r.meta.Data_head)
	if err := r.array.Put(uint32(r.cpu), uint32(r.fds[event])); err != nil {
		return fmt.Errorf("put perf event of CPU %d into the events map: %w", r.cpu, err)
	}
	r.event = event
	r.count.change(event, before, atomic.LoadUint64(&r.meta.Data_head))
	return nil
}

// Pending returns the number of bytes in the ring that Next has not returned.
func (r *Ring) Pending() int {
	return int(atomic.LoadUint64(&r.meta.Data_head) - r.tail)
}

// Next returns the next record in rec, and false if there is none. A ring that
// makes no sense is emptied and an error returned; reading can go on.
func (r *Ring) Next(rec *source.Record) (bool, error) {
	pending := r.Pending()
	if pending == 0 {
		return false, nil
	}
	// Records start at multiples of 8 bytes, so their headers never wrap around.
	start := r.tail
	header := r.at(start, headerSize)
	typ := binary.NativeEndian.Uint32(header)
	size := int(binary.NativeEndian.Uint16(header[6:]))
	if size < headerSize || size%8 != 0 || size > pending || pending > len(r.data) {
		return false, r.empty(fmt.Errorf("%w of CPU %d: a record of %d bytes where %d are pending", errCorrupt, r.cpu, size, pending))
	}

	*rec = source.Record{Kind: source.Unknown, Size: size}
	switch typ {
	case unix.PERF_RECORD_SAMPLE:
		n := int(binary.NativeEndian.Uint32(r.at(start+headerSize, 4)))
		if sampleSize+n > size {
			return false, r.empty(fmt.Errorf("%w of CPU %d: a sample of %d bytes in a record of %d", errCorrupt, r.cpu, n, size))
		}
		r.count.sample(start)
		rec.Kind = source.Sample
		rec.Head = r.at(start+sampleSize, n)
		rec.Tail = r.data[:n-len(rec.Head)]
	case unix.PERF_RECORD_LOST:
		if size < lostSize {
			return false, r.empty(fmt.Errorf("%w of CPU %d: a loss record of %d bytes", errCorrupt, r.cpu, size))
		}
		rec.Kind = source.Lost
		rec.Lost = r.lost(binary.NativeEndian.Uint64(r.at(start+headerSize+8, 8)))
	}
	r.tail += uint64(size)
	return true, nil
}

// at returns n bytes of the ring from pos, or less where the ring ends.
func (r *Ring) at(pos uint64, n int) []byte {
	i := int(pos & uint64(len(r.data)-1))
	return r.data[i:min(i+n, len(r.data))]
}

// empty throws away what is in the ring.
func (r *Ring) empty(err error) error {
	r.tail = atomic.LoadUint64(&r.meta.Data_head)
	return err
}

// lost takes the losses of a Lost record, and returns those of them that LostNow
// has not returned already.
func (r *Ring) lost(n uint64) uint64 {
	r.lostRecords += n
	return r.reportLost(r.lostRecords)
}

// LostNow returns the losses that the kernel knows of and Next did not return yet.
// A Lost record is written only with the next sample, so the losses at the end
// of a burst would go unseen until then. It interrupts the ring's CPU if the ring was full since
// the last time; before Linux 6.0 it always returns 0.
func (r *Ring) LostNow() (uint64, error) {
	if !r.wasFull && r.meta != nil && !r.full(r.meta.Data_tail) {
		return 0, nil
	}
	var total uint64
	for _, fd := range r.fds {
		if fd == -1 && r.meta != nil {
			continue
		}
		event, _, err := readEvent(fd)
		if err != nil {
			return 0, fmt.Errorf("read perf event of CPU %d: %w", r.cpu, err)
		}
		total += event.Lost
	}
	r.wasFull = false
	return r.reportLost(total), nil
}

// full tells whether a record may have found no room while all from tail on was in the ring.
func (r *Ring) full(tail uint64) bool {
	return atomic.LoadUint64(&r.meta.Data_head)-tail+maxRecord > uint64(len(r.data))
}

// standsStill tells whether the event has not been enabled any more since it was asked last, a second
// ago for example: its CPU was offline, and the event takes nothing any more. One that was made just now may not have
// been enabled for any time yet, as clocks go that only tick.
func (r *Ring) standsStill() bool {
	enabled, err := r.enabledTime()
	if err != nil {
		return false
	}
	still := enabled == r.seen && enabled > 0
	r.seen = enabled
	return still
}

// enabledTime returns for how long the event has been enabled that is in the array. It stands still
// from when the CPU went offline.
func (r *Ring) enabledTime() (uint64, error) {
	event, _, err := readEvent(r.fds[r.event])
	return event.Enabled, err
}

// reportLost returns what a total of losses has on top of those reported before.
func (r *Ring) reportLost(total uint64) uint64 {
	n := total - min(total, r.lostReported)
	r.lostReported += n
	return n
}

// Release frees the space of all records that Next returned. It writes to the page that the kernel
// writes to only if there are any.
func (r *Ring) Release() {
	if before := r.meta.Data_tail; before != r.tail {
		atomic.StoreUint64(&r.meta.Data_tail, r.tail)
		r.wasFull = r.wasFull || r.full(before)
	}
}

func (r *Ring) close() error {
	var errs []error
	if r.mmap != nil {
		errs = append(errs, unix.Munmap(r.mmap))
		r.mmap, r.data, r.meta = nil, nil, nil
	}
	for i, fd := range r.fds {
		if fd != -1 {
			errs = append(errs, unix.Close(fd))
			r.fds[i] = -1
		}
	}
	return errors.Join(errs...)
}
