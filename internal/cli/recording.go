// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/format"
)

// recordingFile is the file of --record.
type recordingFile struct {
	*rotatingFile
	names  func() recording.Names // those of the agent's host
	out    *recording.Writer      // nil until there is an agent to record
	rules  []byte                 // the sample by which the agent told its deny rules, nil: it did not
	events int
}

// connected tells that the events that come next are those of an agent, maybe another one than before.
func (r *recordingFile) connected() error {
	r.rules = nil
	if r.out == nil {
		return r.begin()
	}
	return r.out.Begin(r.names())
}

// begin writes the header.
func (r *recordingFile) begin() (err error) {
	r.out, err = recording.NewWriter(r.rotatingFile, r.names())
	return err
}

// record writes an event, and what it is decoded as: that may have an interface whose name is not known yet.
func (r *recordingFile) record(at time.Time, pl *payload.Payload, e *format.Event) error {
	if err := r.makeRoom(at, e); err != nil {
		return err
	}
	if index, name := e.Interface(); index != 0 && name != indexName(index) && !r.out.HasInterface(index, name) {
		err := r.out.Name(r.names())
		if err == nil { // it may be gone again
			err = r.out.NameInterface(index, name)
		}
		if err != nil {
			return err
		}
	}
	if e.TellsDenyRules() {
		r.rules = bytes.Clone(pl.Data)
	} else {
		r.events++
	}
	return r.out.Write(at, pl)
}

// makeRoom has another file take the place of one that is full. That begins with the deny rules, so that it can be
// read by itself. A drop stays with its verdict, which has the number of the rule.
func (r *recordingFile) makeRoom(at time.Time, e *format.Event) error {
	if rule, _ := e.DenyRule(); rule > 0 && e.Type() == api.MessageTypeDrop {
		return nil
	}
	return r.add(at, r.out, func() error {
		if err := r.begin(); err != nil || r.rules == nil {
			return err
		}
		return r.out.Write(at, &payload.Payload{Type: payload.EventSample, Data: r.rules})
	})
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
	return fmt.Sprintf("Recorded %s in %s", counted(r.events, "event"), r.rotatingFile)
}
