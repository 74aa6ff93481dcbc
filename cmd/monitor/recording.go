// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"

	"github.com/cilium/monitor/api/payload"
)

// recording is the file of --record: one session of the monitor API, as from an agent that
// never restarted.
type recording struct {
	file    *outputFile
	out     *bufio.Writer
	message []byte
	events  int
}

func newRecording(file *outputFile) *recording {
	r := &recording{file: file, out: bufio.NewWriterSize(file, outputBuffer)}
	// The first write to the buffer: it fits.
	_, _ = r.out.Write(payload.AppendTypeInfo(nil))
	return r
}

func (r *recording) add(pl *payload.Payload) error {
	r.events++
	r.message = payload.AppendValue(r.message[:0], pl)
	_, err := r.out.Write(r.message)
	return err
}

func (r *recording) flush() error { return r.out.Flush() }

func (r *recording) close() error { return r.file.Close() }

func (r *recording) String() string {
	return fmt.Sprintf("Recorded %d events in %s", r.events, r.file.name)
}
