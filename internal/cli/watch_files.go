// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/term"

	"github.com/cilium/monitor/client"
)

// filesHelp explains the files of monitor watch.
const filesHelp = `Files: --write keeps the packets (of drop, trace, capture and policy-verdict events) of
what is printed, as far as the datapath captured them, each with its line as comment.
--record keeps all that the agent sends, with its times and the names that are needed to read
it elsewhere. Both overwrite the file, and are complete whenever watch ends or has nothing
to do. With >/dev/null nothing is printed besides. - is stdout, on which no events are
printed then:

  monitor watch --write - | wireshark -k -i -
  ssh NODE monitor watch --record - | monitor watch --read - -t drop

A named pipe is waited for until somebody reads it, and ends watch when that leaves.

With --rotate-size or --rotate-every, a FILE.pcapng that is full becomes
FILE-20060102T150405.000Z.pcapng, by its last time, and so does one that is there at the
start. Each is complete in itself, and cat makes one recording of several.

--read prints a recording and ends with it; times, the names of interfaces, and what filters
take for a type or drop reason, are those of its agent. One that was cut short is printed as
far as it goes; that is an error, exit code 1. It also reads what any server of the monitor
API sends, as older recordings are:

  nc -U ` + client.DefaultSocketPath + ` | monitor watch --read -

These have neither times nor names: interfaces are numbers, for --interface, too,
--timestamps is an error for a file, --write says 1970.`

// stdoutPath is what --write and --record call stdout.
const stdoutPath = "-"

// watchFiles are the files of a watch.
type watchFiles struct {
	input     *stream        // nil: events come from an agent
	recording *recordingFile // nil: none
	packets   *packetFile    // nil: none

	endPolls []func() // of the readers of named pipes
}

// open opens what the flags name for writing. It empties them once nothing is wrong with any of
// them. The reader of a named pipe is waited for, which messages are told, and stop is called when it leaves.
func (f *watchFiles) open(ctx context.Context, stop func(), o *watchOptions, outs *outputs, stdout *os.File, messages io.Writer) error {
	var record, write *os.File
	var err error
	if o.record != "" {
		if record, err = openOutput(ctx, o.record, stdout, messages); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
	}
	if o.write != "" {
		if write, err = openOutput(ctx, o.write, stdout, messages); err == nil {
			err = requireOther(write, f.input.opened(), record)
		}
		if err != nil {
			return fmt.Errorf("--write: %w", err)
		}
	}
	if err := errors.Join(f.pollReader(record, stop), f.pollReader(write, stop)); err != nil {
		return err
	}
	if record != nil {
		file, err := newRotatingFile(outs, record, o.rotation)
		if err != nil {
			return fmt.Errorf("--record: %w", err)
		}
		f.recording = &recordingFile{rotatingFile: file}
	}
	if write != nil {
		file, err := newRotatingFile(outs, write, o.rotation)
		if err == nil {
			f.packets, err = newPacketFile(file)
		}
		if err != nil {
			return fmt.Errorf("--write: %w", err)
		}
	}
	return nil
}

// pollReader has stop be called when nobody can read what is written to file any more.
func (f *watchFiles) pollReader(file *os.File, stop func()) error {
	if file == nil || file == os.Stdout { // for which stopConditions do so
		return nil
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return err
	}
	end, err := whenReaderGone(file, stop)
	if err == nil {
		f.endPolls = append(f.endPolls, end)
	}
	return err
}

// endPolling ends what pollReader began, as it has to be before the files are closed.
func (f *watchFiles) endPolling() {
	for _, end := range f.endPolls {
		end()
	}
}

// openOutput opens a file, or stdout.
func openOutput(ctx context.Context, path string, stdout *os.File, messages io.Writer) (*os.File, error) {
	switch {
	case path != stdoutPath:
		return openForWriting(ctx, path, messages)
	case term.IsTerminal(int(stdout.Fd())):
		return nil, usageError(errors.New("stdout is a terminal, which can't show this: add a pipe, such as | wireshark -k -i -"))
	default:
		return stdout, nil
	}
}

// toStdout tells whether one of the files is stdout.
func (o *watchOptions) toStdout() bool { return o.record == stdoutPath || o.write == stdoutPath }

// time is that of the event that comes now, the zero time if it has none.
func (f *watchFiles) time() time.Time {
	if f.input == nil {
		return time.Now()
	}
	return f.input.time()
}

// hasTimes tells whether time is other than zero.
func (f *watchFiles) hasTimes() bool { return f.input == nil || f.input.hasTimes() }

// indexName is what an interface without a name is called.
func indexName(ifindex uint32) string { return strconv.FormatUint(uint64(ifindex), 10) }

// writtenFile is a file that a watch writes besides its output.
type writtenFile interface {
	flush() error
	Close() error
	isStdout() bool
	summary() string // what was written
}

// written returns the files that are written.
func (f *watchFiles) written() (files []writtenFile) {
	if f.recording != nil {
		files = append(files, f.recording)
	}
	if f.packets != nil {
		files = append(files, f.packets)
	}
	return files
}
