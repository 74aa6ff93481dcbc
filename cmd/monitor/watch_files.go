// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/format"
)

// filesHelp explains the files of monitor watch.
const filesHelp = `Files: --write keeps the packets (of drop, trace, capture and policy-verdict events) of
what is printed, as far as the datapath captured them, each with its line as comment.
--record keeps all that the agent sends. Both overwrite the file, and are complete
whenever watch ends or has nothing to do. With >/dev/null nothing is printed besides.

--read prints a recording and ends with it. One that was cut short is printed as far as
it goes; that is an error, exit code 1. It also reads what any server of the monitor API
sends:

  nc -U ` + client.DefaultSocketPath + ` | monitor watch --read -

A stream has no names of interfaces, so with --read these are numbers, for --interface,
too. A recording has no times: --timestamps is an error, --write says 1970.`

// watchFiles are the files of a watch.
type watchFiles struct {
	input     *stream     // nil: events come from an agent
	recording *recording  // nil: none
	packets   *packetFile // nil: none
}

// openFiles opens what the flags name. It empties the files that are written once nothing is wrong
// with any of them.
func (o *watchOptions) openFiles(ctx context.Context, outs *outputs) (files watchFiles, err error) {
	clock := time.Now
	var input, record, write *os.File
	if o.read != "" {
		if files.input, err = openStream(o.read); err != nil {
			return files, fmt.Errorf("--read: %w", err)
		}
		input = files.input.file
		if !files.input.live {
			if o.timestamps.given && o.timestamps.Timestamps != format.TimestampsNone {
				return files, usageError(errors.New("--timestamps: a recording has no times"))
			}
			clock = func() time.Time { return time.Unix(0, 0) }
		}
	}
	if o.record != "" {
		if record, err = openForWriting(ctx, o.record); err != nil {
			return files, fmt.Errorf("--record: %w", err)
		}
	}
	if o.write != "" {
		if write, err = openForWriting(ctx, o.write); err == nil {
			err = requireOther(write, input, record)
		}
		if err != nil {
			return files, fmt.Errorf("--write: %w", err)
		}
	}
	if record != nil {
		if err := empty(record); err != nil {
			return files, fmt.Errorf("--record: %w", err)
		}
		files.recording = newRecording(outs.own(record))
	}
	if write != nil {
		if err := empty(write); err != nil {
			return files, fmt.Errorf("--write: %w", err)
		}
		if files.packets, err = newPacketFile(outs.own(write), clock); err != nil {
			return files, fmt.Errorf("--write: %w", err)
		}
	}
	return files, nil
}

// interfaceName returns the function that names interfaces, nil for this host's. A stream
// can be of another host, on which the same number is another interface.
func (f *watchFiles) interfaceName() func(ifindex uint32) string {
	if f.input == nil {
		return nil
	}
	return func(ifindex uint32) string { return strconv.FormatUint(uint64(ifindex), 10) }
}

// hasTimes reports whether the events have times: those of a recording have not.
func (f *watchFiles) hasTimes() bool { return f.input == nil || f.input.live }

// writtenFile is a file that a watch writes besides its output.
type writtenFile interface {
	flush() error
	close() error
	fmt.Stringer // what was written
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
