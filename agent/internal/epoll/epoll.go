// SPDX-License-Identifier: Apache-2.0

// Package epoll waits for file descriptors on the calling thread.
//
// The agent's two hot loops use it in place of the Go runtime's poller. That
// one rounds time-outs up to a millisecond, hands each event from a polling
// thread to a goroutine, and has every socket registered for writability: it
// wakes up whenever a client reads, only to find that nobody waits for it.
package epoll

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Forever is the time-out of a [Poller.Wait] that has none.
const Forever = time.Duration(-1)

// Poller is an epoll instance that can be woken up from other goroutines. Wake may be
// called at any time, Add and Modify at any time before Close, and Wait by one
// goroutine at a time.
type Poller struct {
	fd     int
	events []unix.EpollEvent

	mu     sync.Mutex // guards what follows
	wakeFd int        // eventfd
	woken  bool       // wakeFd has been written to and not been read since
	closed bool
}

// New returns a poller that waits for nothing but Wake.
func New() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll instance: %w", err)
	}
	wakeFd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("create eventfd: %w", err)
	}
	p := &Poller{fd: fd, wakeFd: wakeFd, events: make([]unix.EpollEvent, 64)}
	if err := p.Add(wakeFd, unix.EPOLLIN); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Add waits for events (EPOLLIN, ...) of fd from now on.
func (p *Poller) Add(fd int, events uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, events)
}

// Modify changes the events that fd is waited for.
func (p *Poller) Modify(fd int, events uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, events)
}

func (p *Poller) control(op, fd int, events uint32) error {
	err := unix.EpollCtl(p.fd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	if err != nil {
		return fmt.Errorf("epoll_ctl of fd %d: %w", fd, err)
	}
	return nil
}

// Wait blocks until a file descriptor is ready, Wake is called, or the time-out
// has passed. It returns the events of the file descriptors that were added;
// they are valid until the next call.
func (p *Poller) Wait(timeout time.Duration) ([]unix.EpollEvent, error) {
	n, err := p.pwait(timeout)
	if errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("epoll_pwait2: %w", err)
	}
	ready := p.events[:n]
	for i := range ready {
		if int(ready[i].Fd) == p.wakeFd {
			p.clearWake()
			ready[i] = ready[n-1]
			ready = ready[:n-1]
			break
		}
	}
	return ready, nil
}

func (p *Poller) pwait(timeout time.Duration) (int, error) {
	var ts *unix.Timespec
	if timeout >= 0 {
		t := unix.NsecToTimespec(timeout.Nanoseconds())
		ts = &t
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(unsafe.Pointer(ts)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// Wake makes the current or the next Wait return. It returns [os.ErrClosed] if the
// poller is closed.
func (p *Poller) Wake() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	if p.woken {
		return nil
	}
	one := [8]byte{1}
	_, _ = unix.Write(p.wakeFd, one[:]) // fails only where the count is full
	p.woken = true
	return nil
}

func (p *Poller) clearWake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var count [8]byte
	_, _ = unix.Read(p.wakeFd, count[:]) // fails only where the count is 0
	p.woken = false
}

// Close frees the poller. No Wait may be under way.
func (p *Poller) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	err := errors.Join(unix.Close(p.wakeFd), unix.Close(p.fd))
	p.closed = true
	return err
}
