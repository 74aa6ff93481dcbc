// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/sirupsen/logrus"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/hubble/internal/fieldmask"
)

// Stdout is the path of [FileOptions] for standard output, which is not rotated.
const Stdout = "stdout"

const defaultMaxSizeMB = 100

// FileOptions are what file is written, and how.
type FileOptions struct {
	// Path is where the file is. Its directory is made if it is not there. A file that is there is appended to; if others
	// rename or remove it, another one begins within a second. No other program may export to it at the same time.
	Path string

	// MaxSizeMB is how many MiB it may have: when it would get more, it is renamed, with the time in its name, and
	// another one begins. 0 is 100.
	MaxSizeMB int

	// MaxBackups is how many of those are kept; 0 is all.
	MaxBackups int

	// Compress tells whether they are compressed, by gzip.
	Compress bool

	// Fields are the paths of those fields of flows that are written, such as "source.pod_name"; none are all.
	Fields []string

	// NodeName is that of losses.
	NodeName string

	Log logrus.FieldLogger
}

// File is a [Sink] that writes a file of lines, each an ExportEvent of Hubble's API in JSON, as the exporter of Cilium's
// Hubble does. The file is readable by its owner only.
//
// What can't be written, since the disk is full for example, is lost; that is logged, and told in the file as soon as there
// is room for it again.
type File struct {
	opts   FileOptions
	fields fieldmask.Mask
	out    io.WriteCloser

	// Of the goroutine that calls Export.
	line      bytes.Buffer
	encoder   *json.Encoder // into line
	unwritten uint64        // events that are lost and not told yet
	broken    bool          // the file may end in a part of a line

	exported, lost atomic.Uint64
}

// OpenFile returns a sink for a file. It must be closed.
func OpenFile(opts FileOptions) (*File, error) {
	fields, err := fieldmask.New(opts.Fields)
	if err != nil {
		return nil, err
	}
	f := &File{opts: opts, fields: fields, out: stdout{}}
	f.encoder = json.NewEncoder(&f.line)
	if opts.Path == Stdout {
		return f, nil
	}
	file, err := openRotated(opts)
	if err != nil {
		return nil, fmt.Errorf("a file to export flows to: %w", err)
	}
	f.out = file
	return f, nil
}

// stdout is standard output, which stays open.
type stdout struct{}

func (stdout) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdout) Close() error                { return nil }

// Export implements [Sink].
func (f *File) Export(_ context.Context, ev *observerpb.ExportEvent) {
	flow := ev.GetFlow()
	if flow != nil {
		masked := f.fields.Apply(flow)
		ev = &observerpb.ExportEvent{
			Time: masked.GetTime(), NodeName: masked.GetNodeName(), ResponseTypes: &observerpb.ExportEvent_Flow{Flow: masked},
		}
	}
	err := f.tellUnwritten()
	if err == nil {
		err = f.write(ev)
	}
	switch {
	case err == nil && flow != nil:
		f.exported.Add(1)
	case err != nil:
		if f.unwritten == 0 {
			f.opts.Log.WithError(err).WithField("path", f.opts.Path).Error("Exporting flows to a file failed, trying on")
		}
		if flow != nil {
			f.unwritten++
			f.lost.Add(1)
		} else {
			f.unwritten += ev.GetLostEvents().GetNumEventsLost()
		}
	}
}

// tellUnwritten writes how much could not be written before.
func (f *File) tellUnwritten() error {
	if f.unwritten == 0 {
		return nil
	}
	err := f.write(&observerpb.ExportEvent{
		Time: timestamppb.New(time.Now()), NodeName: f.opts.NodeName,
		ResponseTypes: &observerpb.ExportEvent_LostEvents{LostEvents: &flowpb.LostEvent{
			Source: flowpb.LostEventSource_HUBBLE_RING_BUFFER, NumEventsLost: f.unwritten,
		}},
	})
	if err == nil {
		f.opts.Log.WithFields(logrus.Fields{"path": f.opts.Path, "lost": f.unwritten}).Info("Flows are exported to a file again")
		f.unwritten = 0
	}
	return err
}

// write writes a line.
func (f *File) write(ev *observerpb.ExportEvent) error {
	f.line.Reset()
	if f.broken {
		f.line.WriteByte('\n')
	}
	if err := f.encoder.Encode(ev); err != nil {
		return err
	}
	n, err := f.out.Write(f.line.Bytes())
	if err == nil {
		f.broken = false
	} else if n > 0 {
		f.broken = true
	}
	return err
}

// Stats implements [Sink].
func (f *File) Stats() SinkStats { return SinkStats{Exported: f.exported.Load(), Lost: f.lost.Load()} }

// Close closes the file, once older ones are compressed. It comes after the last Export, and ends with an error if there is
// something that could not be told.
func (f *File) Close() error {
	err := f.tellUnwritten()
	if closeErr := f.out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("export flows to %s, with %d lost at the end: %w", f.opts.Path, f.unwritten, err)
	}
	return nil
}
