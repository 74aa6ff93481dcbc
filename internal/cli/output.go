// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stallTimeout is how long the outputs of a watch that stops may take nothing before it ends without
// them.
const stallTimeout = 300 * time.Millisecond

// errBlocked is the error of an output that takes nothing, once the watch has to stop.
var errBlocked = errors.New("nobody reads it, so what was left to write is missing there")

// outputs are what a watch writes to. Each of them may block for as long as its reader likes,
// until the watch has to stop: a pipe that is full does not keep it from ending.
type outputs struct {
	stopped      *os.File // can be read from when the watch has to stop, nil: it has to
	stallTimeout time.Duration
}

// outputFile is one of them. It is written to by one goroutine at a time.
type outputFile struct {
	*outputs
	name  string
	files []*os.File // are closed with the output
	fd    int
	piece int // how many bytes a write takes without blocking when there is room
}

// own returns the output to a file, which Close closes.
func (o *outputs) own(f *os.File) *outputFile {
	out := o.of(f)
	out.files = append(out.files, f)
	return out
}

// of returns the output to a file, which stays open.
func (o *outputs) of(f *os.File) *outputFile {
	out := &outputFile{outputs: o, name: f.Name(), fd: int(f.Fd()), piece: pipeBuf}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.Mode().IsRegular():
		out.piece = math.MaxInt
	case info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0:
		// An open file of our own: others that have this one open, such as the shell, do not
		// expect it not to block.
		fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", out.fd), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err == nil {
			out.fd, out.piece = fd, math.MaxInt
			out.files = append(out.files, os.NewFile(uintptr(fd), out.name))
		}
	}
	return out
}

// pipeBuf is how much room a pipe has that says it has some, and a socket at least. It is PIPE_BUF.
const pipeBuf = 4096

// Write implements io.Writer.
func (o *outputFile) Write(b []byte) (n int, err error) {
	for n < len(b) {
		if err := o.wait(); err != nil {
			return n, &fs.PathError{Op: "write", Path: o.name, Err: err}
		}
		written, err := unix.Write(o.fd, b[n:min(len(b)-n, o.piece)+n])
		switch {
		case err == unix.EINTR, err == unix.EAGAIN:
		case err != nil:
			return n, &fs.PathError{Op: "write", Path: o.name, Err: err}
		default:
			n += written
		}
	}
	return n, nil
}

// Close implements io.Closer.
func (o *outputFile) Close() error {
	var errs []error
	for _, f := range o.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// wait waits until there is room, or a write fails.
func (o *outputFile) wait() error {
	fds := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLOUT}}
	if o.stopped != nil {
		fds = append(fds, unix.PollFd{Fd: int32(o.stopped.Fd()), Events: unix.POLLIN})
		if err := poll(fds, -1); err != nil || fds[0].Revents != 0 {
			return err
		}
		fds = fds[:1]
	}
	if err := poll(fds, int(o.stallTimeout.Milliseconds())); err != nil || fds[0].Revents != 0 {
		return err
	}
	o.stallTimeout = 0 // which the other outputs have no more of either
	return errBlocked
}

// poll is the system call, again when a signal interrupts it.
func poll(fds []unix.PollFd, milliseconds int) error {
	for {
		_, err := unix.Poll(fds, milliseconds)
		if err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
	}
}
