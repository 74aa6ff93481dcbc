// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/format"
)

// stdinPath is what --read calls stdin.
const stdinPath = "-"

// stream is what --read reads: a recording, or what an agent sends through a pipe.
type stream struct {
	file   *os.File
	live   bool      // events come as they happen
	onIdle func()    // called before waiting for more
	report io.Writer // about the recording

	// onNames is called with what has the names of network interfaces from now on, and whether what comes
	// was recorded of another agent than what came.
	onNames func(names *format.InterfaceNames, other bool)

	ctx   context.Context
	wake  *os.File // readable when ctx is cancelled
	first []byte   // the bytes that were read first, nil: none

	reader *recording.Reader
	at     time.Time // of the last event
	names  registeredNames
}

// openStream opens a file, or stdin, and waits for its beginning until ctx is cancelled, when
// something can be read from wake. The error is as those of payloads.
func openStream(ctx context.Context, path string, wake *os.File, report io.Writer) (*stream, error) {
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
	s := &stream{file: file, live: !info.Mode().IsRegular(), report: report, ctx: ctx, wake: wake}
	if s.reader, err = recording.NewReader(s); err != nil {
		return nil, s.explain(err, 0)
	}
	if s.reader.HasTimes() {
		s.reader.OnNames(s.useNames)
		s.names.use(s.reader.Header(), report)
	}
	return s, nil
}

// payloads yields the events of the stream. The last thing it yields is an error, with a
// nil payload: io.EOF at the end, ctx's if that was cancelled, else one that
// says what is wrong with the stream.
func (s *stream) payloads() iter.Seq2[*payload.Payload, error] {
	return func(yield func(*payload.Payload, error) bool) {
		var pl payload.Payload
		for events := 0; ; events++ {
			var err error
			if s.at, err = s.reader.Next(&pl); err != nil {
				yield(nil, s.explain(err, events))
				return
			}
			if !yield(&pl, nil) {
				return
			}
		}
	}
}

// useNames takes the names of the recording for those of this program.
func (s *stream) useNames() {
	other := s.names.use(s.reader.Header(), s.report)
	s.onNames(s.interfaces(), other)
}

// interfaces returns the names that the recording has of network interfaces by now. They are of another host, on
// which the same number is another interface than here.
func (s *stream) interfaces() *format.InterfaceNames {
	known := s.names.interfaces
	return format.NewInterfaceNames(func() ([]format.Interface, error) { return known, nil })
}

// hasTimes tells whether time is other than zero.
func (s *stream) hasTimes() bool { return s.live || s.reader.HasTimes() }

// time is that of the last event: now, for one that comes from an agent.
func (s *stream) time() time.Time {
	if s.live && !s.reader.HasTimes() {
		return time.Now()
	}
	return s.at
}

// opened returns the file, nil if there is no stream.
func (s *stream) opened() *os.File {
	if s == nil {
		return nil
	}
	return s.file
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
	if s.first == nil && n > 0 {
		s.first = bytes.Clone(b[:min(n, len(pcapngMagic))])
	}
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

// What capture files begin with: those of pcapng, and of pcap in both byte orders.
const (
	pcapngMagic = "\x0a\x0d\x0d\x0a"
	pcapMagic   = "\xa1\xb2\xc3\xd4"
	pcapMagicLE = "\xd4\xc3\xb2\xa1"
)

func isCapture(first []byte) bool {
	magic := string(first)
	return magic == pcapngMagic || magic == pcapMagic || magic == pcapMagicLE
}

// explain says what an error of the reader means, after so many events.
func (s *stream) explain(err error, events int) error {
	name := s.file.Name()
	switch {
	case err == io.EOF && s.first == nil:
		return fmt.Errorf("%s is empty, not even a recording without events is", name)
	case err == io.EOF, s.ctx.Err() != nil:
		return err
	case errors.Is(err, payload.ErrNotASession) && isCapture(s.first):
		return fmt.Errorf("%s is a capture file, as --write makes them: read it with Wireshark or tshark", name)
	case errors.Is(err, payload.ErrNotASession):
		return fmt.Errorf("%s is neither a recording nor what an agent sends: %w", name, err)
	case errors.Is(err, recording.ErrVersion), errors.Is(err, recording.ErrByteOrder):
		return fmt.Errorf("%s was %w", name, err)
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
