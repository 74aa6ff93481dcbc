// SPDX-License-Identifier: Apache-2.0

package ringbuf

import (
	"errors"
	"fmt"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// memory is a ring buffer as it is mapped: one page that we write to, and one page and the data that
// the kernel lets us only read. (ringbuf_map_mmap_kern in kernel/bpf/ringbuf.c)
type memory struct {
	consumer []byte // the page of the consumer's position
	producer []byte // the page of the producer's position, and the data twice
}

// mapMemory maps the memory of a ring buffer.
func mapMemory(m *ebpf.Map) (_ *memory, err error) {
	if err := readable(m); err != nil {
		return nil, err
	}
	page := unix.Getpagesize()
	mem := &memory{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("map a ring buffer of %d bytes: %w", m.MaxEntries(), err), mem.unmap())
		}
	}()
	if mem.consumer, err = unix.Mmap(m.FD(), 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, err
	}
	if mem.producer, err = unix.Mmap(m.FD(), int64(page), page+2*int(m.MaxEntries()), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, err
	}
	return mem, nil
}

// overwrite is BPF_F_RB_OVERWRITE of linux/bpf.h.
const overwrite = 1 << 19

// readable returns an error if a map is no ring buffer that can be read.
func readable(m *ebpf.Map) error {
	switch {
	case m.Type() != ebpf.RingBuf:
		return fmt.Errorf("the map is a %s, not a %s", m.Type(), ebpf.RingBuf)
	case m.Flags()&overwrite != 0:
		return errors.New("the ring buffer overwrites what was not read yet (BPF_F_RB_OVERWRITE): it can't be read without a gap")
	case bits.OnesCount32(m.MaxEntries()) != 1:
		return fmt.Errorf("a ring buffer of %d bytes, which is no power of two", m.MaxEntries())
	}
	return nil
}

// ring returns the ring in this memory.
func (mem *memory) ring() *Ring {
	data := mem.producer[unix.Getpagesize():]
	return &Ring{
		consumer: (*atomic.Uint64)(unsafe.Pointer(&mem.consumer[0])),
		producer: (*atomic.Uint64)(unsafe.Pointer(&mem.producer[0])),
		data:     data,
		size:     uint64(len(data) / 2),
	}
}

func (mem *memory) lease() *lease { return leaseIn(mem.consumer) }

func (mem *memory) unmap() error {
	var errs []error
	for _, part := range []*[]byte{&mem.consumer, &mem.producer} {
		if *part != nil {
			errs = append(errs, unix.Munmap(*part))
			*part = nil
		}
	}
	return errors.Join(errs...)
}
