// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cilium/monitor/api/payload"
)

// Reader reads a recording, or a session of the monitor API 1.2. Not safe for concurrent use.
type Reader struct {
	in      *bufio.Reader
	session *payload.Decoder // nil: it is a recording
	order   orderFinder      // of a session
	header  Header
	onNames func()
	block   []byte
}

// NewReader returns a reader of what begins with r's first byte. It reads the header, so it waits
// for the first bytes. The reader buffers: it may read beyond the last event it returned.
//
// The error is [io.EOF] if r is empty, [io.ErrUnexpectedEOF] if it ends in the header, r's error if it has
// one, else it wraps [ErrVersion], [ErrByteOrder] or [payload.ErrCorrupt].
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{in: bufio.NewReaderSize(r, bufferSize)}
	first, err := d.in.Peek(1)
	switch {
	case err != nil:
		return nil, err
	case first[0] != magic[0]:
		d.session = payload.NewDecoder(d.in)
		return d, nil
	}
	if err := d.beginSection(); err != nil {
		return nil, err
	}
	return d, nil
}

// HasTimes reports whether events have times, as all have but those of a session.
func (d *Reader) HasTimes() bool { return d.session == nil }

// Header returns the header of the section that the last event is of, with all names that came
// until then. It is valid until the call of Next, and must not be changed. It is the zero Header for a session.
func (d *Reader) Header() *Header { return &d.header }

// OnNames sets a function that is called by Next when the header or names in it have changed.
func (d *Reader) OnNames(fn func()) { d.onNames = fn }

// Next reads the next event into pl and returns its time, the zero time if it has none.
//
// pl.Data is valid until the next call, which reuses its memory; a caller that keeps it
// copies it.
//
// Errors are those of [payload.Decoder.Decode]: [io.EOF] is the end, [io.ErrUnexpectedEOF] an end in the middle
// of something; and those of NewReader. After an error the Reader must not be used any more.
func (d *Reader) Next(pl *payload.Payload) (time.Time, error) {
	if d.session != nil {
		err := d.session.Decode(pl)
		if err == nil {
			err = d.order.check(pl.Data)
		}
		return time.Time{}, err
	}
	for {
		first, err := d.in.Peek(1)
		if err != nil {
			return time.Time{}, err
		}
		if first[0] == magic[0] {
			err = d.beginSection()
			d.named()
		} else {
			var kind byte
			kind, err = d.readBlock()
			switch {
			case err != nil:
			case kind == kindEvent:
				return d.decodeEvent(pl)
			case kind == kindNames:
				err = d.readNames()
			}
		}
		if err != nil {
			return time.Time{}, err
		}
	}
}

func (d *Reader) named() {
	if d.onNames != nil {
		d.onNames()
	}
}

// beginSection reads the magic and the header.
func (d *Reader) beginSection() error {
	var start [len(Magic)]byte
	if _, err := io.ReadFull(d.in, start[:]); err != nil {
		return midBlock(err)
	}
	switch got := string(start[:]); {
	case got[:len(magic)] != magic:
		return fmt.Errorf("%w: %q instead of a block or a section", payload.ErrCorrupt, got)
	case got != Magic:
		return fmt.Errorf("%w: its format has the version %d, this program reads %d", ErrVersion, got[len(magic)], Magic[len(magic)])
	}
	kind, err := d.readBlock()
	switch {
	case err != nil:
		return err
	case kind != kindHeader:
		return fmt.Errorf("%w: a section begins with a block of kind %q", payload.ErrCorrupt, kind)
	}
	d.header = Header{}
	if err := json.Unmarshal(d.block, &d.header); err != nil {
		return fmt.Errorf("%w: the header: %w", payload.ErrCorrupt, err)
	}
	switch order := d.header.ByteOrder; order {
	case HostByteOrder():
		return nil
	case otherByteOrder():
		return byteOrderError()
	default:
		return fmt.Errorf("%w: the header: there is no byte order %q", payload.ErrCorrupt, order)
	}
}

// readNames takes the names of the block.
func (d *Reader) readNames() error {
	var names Names
	if err := json.Unmarshal(d.block, &names); err != nil {
		return fmt.Errorf("%w: names: %w", payload.ErrCorrupt, err)
	}
	d.header.update(names)
	d.named()
	return nil
}

// readBlock reads a block, its body into d.block.
func (d *Reader) readBlock() (kind byte, err error) {
	head, err := d.in.Peek(headSize)
	if err != nil {
		return 0, midBlock(err)
	}
	kind, size := head[0], binary.LittleEndian.Uint32(head[1:])
	if _, err := d.in.Discard(headSize); err != nil {
		return 0, err
	}
	if size > maxBody {
		return 0, fmt.Errorf("%w: a block of %d bytes", payload.ErrCorrupt, size)
	}
	if cap(d.block) < int(size) {
		d.block = make([]byte, size)
	}
	d.block = d.block[:size]
	if _, err := io.ReadFull(d.in, d.block); err != nil {
		return 0, midBlock(err)
	}
	return kind, nil
}

// decodeEvent decodes the event of the block.
func (d *Reader) decodeEvent(pl *payload.Payload) (time.Time, error) {
	if len(d.block) < timeSize {
		return time.Time{}, fmt.Errorf("%w: an event of %d bytes", payload.ErrCorrupt, len(d.block))
	}
	value := d.block[timeSize:]
	n, err := payload.DecodeShared(value, pl)
	if err != nil {
		return time.Time{}, err
	}
	if n != len(value) {
		return time.Time{}, fmt.Errorf("%w: %d bytes behind an event", payload.ErrCorrupt, len(value)-n)
	}
	return time.Unix(0, int64(binary.LittleEndian.Uint64(d.block))), nil
}

// midBlock turns the end inside a block into io.ErrUnexpectedEOF.
func midBlock(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
