// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// whenReaderGone calls gone, once, when f turns out to be a pipe, socket or terminal
// whose other end is closed. So a watch of a quiet node ends as soon as the "head -1"
// behind it does, not with the next event.
//
// It does so on a goroutine, which stop ends and waits for.
func whenReaderGone(f *os.File, gone func()) (stop func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("watch for the end of the output's reader: %w", err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		defer r.Close()
		fds := []unix.PollFd{{Fd: int32(f.Fd())}, {Fd: int32(r.Fd())}}
		// For POLLERR and POLLHUP, which need not be asked for.
		if err := poll(fds, -1); err == nil && fds[1].Revents == 0 {
			gone()
		}
	})
	return func() {
		w.Close()
		running.Wait()
	}, nil
}
