// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
)

// rotation says when another file takes the place of the one that is written. The zero value is never.
type rotation struct {
	size byteSize
	age  time.Duration
	keep int // full files, 0: all
}

func (r *rotation) addFlags(fs *pflag.FlagSet) {
	fs.Var(&r.size, "rotate-size", "begin another file when one has this `SIZE`: 500K, 100M, 1G")
	fs.DurationVar(&r.age, "rotate-every", 0, "begin another file after this `TIME`: 10m, 24h")
	fs.IntVar(&r.keep, "rotate-keep", 0, "keep only the latest `N` of the files that are full")
}

func (r *rotation) on() bool { return r.size > 0 || r.age > 0 }

func (r *rotation) check() error {
	switch {
	case r.age < 0:
		return fmt.Errorf("--rotate-every %s: it must be more than 0", r.age)
	case r.keep < 0:
		return fmt.Errorf("--rotate-keep %d: it must be at least 1", r.keep)
	case r.keep > 0 && !r.on():
		return errors.New("--rotate-keep needs --rotate-size or --rotate-every, which say when a file is full")
	default:
		return nil
	}
}

// rotatingFile is a file of --record or --write: the one that is written now, whose place another
// one takes when it is full. It is cut between events, by who writes it: no library for log files
// does that, and begins each of them with a header.
type rotatingFile struct {
	*outputFile
	rotation rotation
	any      bool      // event is in the current file
	since    time.Time // the time of its first event
	full     int       // how many files were, before it
}

// newRotatingFile returns the output to a file that is open for writing. If it is to be rotated, what it
// holds already is put aside as a full file, else it is overwritten; stdout is written to from
// where it is, and stays open.
func newRotatingFile(outs *outputs, file *os.File, r rotation) (*rotatingFile, error) {
	if file == os.Stdout {
		return &rotatingFile{outputFile: outs.of(file), rotation: r}, nil
	}
	f := &rotatingFile{outputFile: outs.own(file), rotation: r}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	switch regular := info.Mode().IsRegular(); {
	case !r.on() && regular:
		return f, file.Truncate(0)
	case !r.on():
		return f, nil
	case !regular:
		return f, usageError(fmt.Errorf("%s is no file that can be rotated", f.name))
	}
	if f.name, err = filepath.EvalSymlinks(f.name); err != nil || info.Size() == 0 {
		return f, err
	}
	return f, f.next(info.ModTime())
}

// encoder is what writes events to a rotatingFile.
type encoder interface {
	Flush() error
	Size() int64 // of the file after the next Flush
}

// add tells that an event is going to be written by out. If the file is full, that is flushed, another
// file takes its place, and begin has to begin that.
func (f *rotatingFile) add(at time.Time, out encoder, begin func() error) error {
	r := f.rotation
	full := f.any && (r.size > 0 && out.Size() >= int64(r.size) || r.age > 0 && at.Sub(f.since) >= r.age)
	if full {
		if err := out.Flush(); err != nil {
			return err
		}
		if err := f.next(at); err != nil {
			return err
		}
		if err := begin(); err != nil {
			return err
		}
		f.full++
	}
	if full || !f.any {
		f.any, f.since = true, at
	}
	return nil
}

// next closes the file, gives it a name for good, and begins another one.
func (f *rotatingFile) next(at time.Time) error {
	if at.IsZero() { // as events of old recordings are
		at = time.Now()
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := f.rotation.putAside(f.name, at); err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	file, err := os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	f.outputFile = f.outs().own(file)
	return nil
}

func (f *rotatingFile) outs() *outputs { return f.outputFile.outputs }

func (f *rotatingFile) isStdout() bool { return f.name == os.Stdout.Name() }

// String names the files.
func (f *rotatingFile) String() string {
	switch f.full {
	case 0:
		return f.name
	default:
		stem, extension := splitExtension(f.name)
		text := fmt.Sprintf("%s and %d more, %s-TIME%s", f.name, f.full, stem, extension)
		if keep := f.rotation.keep; keep > 0 && keep < f.full {
			text += fmt.Sprintf(", of which the latest %d are kept", keep)
		}
		return text
	}
}
