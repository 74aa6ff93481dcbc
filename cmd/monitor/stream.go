// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api/payload"
)

// stdinPath is what --read calls stdin.
const stdinPath = "-"

// stream is what --read reads: a recording, or what an agent sends through a pipe.
type stream struct {
	file   *os.File
	live   bool   // events come as they happen
	onIdle func() // called before waiting for more

	ctx     context.Context
	wake    *os.File // readable when ctx is cancelled
	anyByte bool     // was read
}

// openStream opens a file, or stdin.
func openStream(path string) (*stream, error) {
	file := os.Stdin
	if path != stdinPath {
		var err error
		// A named pipe that nobody writes to yet is waited for as one that has nothing to say.
		if file, err = os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
			return nil, err
		}
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return &stream{file: file, live: !info.Mode().IsRegular()}, nil
}

// payloads yields the events of the stream. The last thing it yields is an error, with a
// nil payload: io.EOF at the end, ctx's if that was cancelled, else one that
// says what is wrong with the stream.
func (s *stream) payloads(ctx context.Context) iter.Seq2[*payload.Payload, error] {
	return func(yield func(*payload.Payload, error) bool) {
		done, release, err := doneFile(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		defer release()
		s.ctx, s.wake = ctx, done

		decoder := payload.NewDecoder(s)
		var pl payload.Payload
		for events := 0; ; events++ {
			if err := decoder.Decode(&pl); err != nil {
				yield(nil, s.explain(err, events))
				return
			}
			if !yield(&pl, nil) {
				return
			}
		}
	}
}

// Read reads as soon as there is something, or returns the context's error.
func (s *stream) Read(b []byte) (int, error) {
	if s.onIdle != nil {
		s.onIdle()
	}
	if err := s.wait(); err != nil {
		return 0, err
	}
	n, err := s.file.Read(b)
	s.anyByte = s.anyByte || n > 0
	return n, err
}

// wait waits until a read does not block: one of a pipe or terminal that has nothing to
// say could not be interrupted.
func (s *stream) wait() error {
	fds := []unix.PollFd{
		{Fd: int32(s.file.Fd()), Events: unix.POLLIN},
		{Fd: int32(s.wake.Fd()), Events: unix.POLLIN},
	}
	for s.ctx.Err() == nil {
		if err := poll(fds, -1); err != nil || fds[0].Revents != 0 {
			return cmp.Or(err, s.ctx.Err())
		}
	}
	return s.ctx.Err()
}

// explain says what an error of the decoder means, after so many events.
func (s *stream) explain(err error, events int) error {
	name := s.file.Name()
	switch {
	case err == io.EOF && !s.anyByte:
		return fmt.Errorf("%s is empty, not even a recording without events is", name)
	case err == io.EOF, s.ctx.Err() != nil:
		return err
	case errors.Is(err, payload.ErrNotASession):
		return fmt.Errorf("%s is neither a recording nor what an agent sends: %w", name, err)
	case errors.Is(err, io.ErrUnexpectedEOF) && events == 0:
		return fmt.Errorf("%s has no whole event: it is cut short, or no recording at all", name)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s is cut short: it ends in the middle of event %d", name, events+1)
	case errors.Is(err, payload.ErrCorrupt):
		return fmt.Errorf("%s: event %d: %w", name, events+1, err)
	default:
		return err
	}
}
