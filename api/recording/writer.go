// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/cilium/monitor/api/payload"
)

// bufferSize is how many bytes are written at once.
const bufferSize = 64 << 10

// Writer writes a recording. Not safe for concurrent use.
type Writer struct {
	out   *bufio.Writer
	size  int64
	names Names
	block []byte
}

// NewWriter returns a writer of a recording that w is the beginning of, made on a machine of this
// byte order. It writes w in large pieces, see Flush. The recording is complete without any event.
func NewWriter(w io.Writer, names Names) (*Writer, error) {
	r := &Writer{out: bufio.NewWriterSize(w, bufferSize)}
	if err := r.Begin(names); err != nil {
		return nil, err
	}
	return r, nil
}

// Begin begins another section, as is right for events of another agent: what was named before has no
// name in it. NewWriter has begun the first one. The error is as that of Name.
func (r *Writer) Begin(names Names) error {
	r.block = append(r.block, Magic...)
	header := Header{ByteOrder: HostByteOrder(), Begun: time.Now(), Names: names}
	if err := r.writeJSON(kindHeader, header); err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	r.names = Names{}
	r.names.update(names)
	return nil
}

// Name names what comes from now on. Names that the recording has already are not written again,
// and hold until others take their place.
//
// The error is that of the writer below. After one, the Writer must not be used any more.
func (r *Writer) Name(names Names) error {
	changed := r.names.update(names)
	if changed.empty() {
		return nil
	}
	if err := r.writeJSON(kindNames, changed); err != nil {
		return fmt.Errorf("write names: %w", err)
	}
	return nil
}

// NameInterface is Name for one network interface.
func (r *Writer) NameInterface(index uint32, name string) error {
	if r.HasInterface(index, name) {
		return nil
	}
	return r.Name(Names{Interfaces: map[uint32]string{index: name}})
}

// HasInterface reports, at next to no cost, whether that is the name of a network interface already.
func (r *Writer) HasInterface(index uint32, name string) bool {
	return r.names.Interfaces[index] == name
}

// Write writes an event and its time. The error is as that of Name.
func (r *Writer) Write(at time.Time, pl *payload.Payload) error {
	r.begin(kindEvent)
	r.block = binary.LittleEndian.AppendUint64(r.block, uint64(at.UnixNano()))
	r.block = payload.AppendValue(r.block, pl)
	if err := r.end(0); err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	return nil
}

// Size returns how many bytes the recording has after the next Flush.
func (r *Writer) Size() int64 { return r.size }

// Flush writes what is still in the buffer. A recording that ends with a Flush is complete.
func (r *Writer) Flush() error {
	if err := r.out.Flush(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

// writeJSON writes a block behind what is in r.block already.
func (r *Writer) writeJSON(kind byte, body any) error {
	start := len(r.block)
	r.begin(kind)
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r.block = append(r.block, text...)
	return r.end(start)
}

func (r *Writer) begin(kind byte) { r.block = append(r.block, kind, 0, 0, 0, 0) }

// end writes the block that begins at start, and whatever is before it.
func (r *Writer) end(start int) error {
	binary.LittleEndian.PutUint32(r.block[start+1:], uint32(len(r.block)-start-headSize))
	n, err := r.out.Write(r.block)
	r.size += int64(n)
	r.block = r.block[:0]
	return err
}
