// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/format"
)

// recordingFile is the file of --record.
type recordingFile struct {
	*rotatingFile
	names  func() recording.Names // those of the agent's host
	out    *recording.Writer      // nil until there is an agent to record
	events int
}

// connected tells that the names are those of the agent whose events come next.
func (r *recordingFile) connected() error {
	if r.out == nil {
		return r.begin()
	}
	return r.out.Name(r.names())
}

// begin writes the header.
func (r *recordingFile) begin() (err error) {
	r.out, err = recording.NewWriter(r.rotatingFile, r.names())
	return err
}

// record writes an event, and what it is decoded as: that may have an interface whose name is not known yet.
func (r *recordingFile) record(at time.Time, pl *payload.Payload, e *format.Event) error {
	if err := r.add(at, r.out, r.begin); err != nil {
		return err
	}
	if index, name := e.Interface(); index != 0 && name != indexName(index) {
		if err := r.out.NameInterface(index, name); err != nil {
			return err
		}
	}
	r.events++
	return r.out.Write(at, pl)
}

func (r *recordingFile) flush() error {
	if r.out == nil {
		return nil
	}
	return r.out.Flush()
}

// Close closes the file, which is a recording without any event if there was no agent.
func (r *recordingFile) Close() error {
	var err error
	if r.out == nil {
		if err = r.begin(); err == nil {
			err = r.flush()
		}
	}
	return errors.Join(err, r.rotatingFile.Close())
}

// summary tells what was written.
func (r *recordingFile) summary() string {
	return fmt.Sprintf("Recorded %d events in %s", r.events, r.rotatingFile)
}
