// SPDX-License-Identifier: Apache-2.0

package payload

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/cilium/monitor/api/internal/gobwire"
)

var (
	// ErrNotASession is returned for a stream that is not a session of the
	// monitor API 1.2.
	ErrNotASession = errors.New("not a monitor API 1.2 stream")

	// ErrCorrupt is returned for a message that contradicts itself. The stream
	// can't be read any further.
	ErrCorrupt = errors.New("corrupt message")
)

// MaxMessageSize is the size in bytes of the largest message that a [Decoder]
// reads. A perf sample has at most 64 KiB; events of user space have no fixed
// limit.
const MaxMessageSize = 16 << 20

// Decoder reads the payloads of one session, from this module's agent or any
// other server of the monitor API 1.2. It is not safe for concurrent use.
type Decoder struct {
	rd   *bufio.Reader
	id   int    // type id of Payload in this session; 0 before its definition
	skip int    // length of the last message, still in rd's buffer
	big  []byte // messages that do not fit in rd's buffer
}

// NewDecoder returns a decoder of the session that starts at the reader's first
// byte. The decoder buffers: it may read beyond the last payload it returned.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{rd: bufio.NewReaderSize(r, 64<<10)}
}

// Decode reads the next payload into pl.
//
// pl.Data is valid until the next call of Decode, which reuses its memory; a
// caller that keeps it copies it.
//
// Decode returns [io.EOF] at the end of the stream, [io.ErrUnexpectedEOF] if the
// stream ends inside a message, the reader's error if it has one, and an error
// that wraps [ErrNotASession] or [ErrCorrupt] if the stream can't be decoded. After
// an error the decoder must not be used any more.
func (d *Decoder) Decode(pl *Payload) error {
	for {
		msg, err := d.next()
		if err != nil {
			return err
		}
		r := gobwire.Reader{Rest: msg}
		id := r.Int()
		switch {
		case r.Failed:
			return d.malformed("a message without a type id")
		case id < 0:
			if err := d.define(-id, msg); err != nil {
				return err
			}
		case d.id == 0:
			return fmt.Errorf("%w: it starts with a value, not with the type information", ErrNotASession)
		case id != d.id:
			return fmt.Errorf("%w: a value of type id %d in a session of id %d", ErrCorrupt, id, d.id)
		default:
			return decodeValue(r, pl)
		}
	}
}

// DecodeValue decodes the value message at the start of b, as [AppendValue] and
// [AppendSample] write it, into pl, and returns how many bytes it has. There is no type
// information before it. pl.Data is a copy, which the caller may keep.
//
// The error wraps [ErrCorrupt] if b does not start with a whole value message; pl is
// unchanged then, and n is 0.
func DecodeValue(b []byte, pl *Payload) (n int, err error) {
	n, err = DecodeShared(b, pl)
	if err == nil {
		pl.Data = bytes.Clone(pl.Data)
	}
	return n, err
}

// DecodeShared is [DecodeValue] without the copy: pl.Data shares the memory of b.
func DecodeShared(b []byte, pl *Payload) (n int, err error) {
	r := gobwire.Reader{Rest: b}
	msg := gobwire.Reader{Rest: r.Bytes(r.Uint())}
	switch id := msg.Int(); {
	case msg.Failed: // so it does if r has no message
		return 0, fmt.Errorf("%w: no whole message in %d bytes", ErrCorrupt, len(b))
	case id != typeID:
		return 0, fmt.Errorf("%w: type id %d, not %d of a value", ErrCorrupt, id, typeID)
	}
	var v Payload
	if err := decodeValue(msg, &v); err != nil {
		return 0, err
	}
	*pl = v
	return len(b) - len(r.Rest), nil
}

// next returns the next message without its length. It is valid until the next
// call.
func (d *Decoder) next() ([]byte, error) {
	_, _ = d.rd.Discard(d.skip) // it was peeked, so it is there
	d.skip = 0

	size, err := readUint(d.rd)
	if errors.Is(err, errLength) {
		return nil, d.malformed(err.Error())
	}
	if err != nil {
		return nil, err
	}
	if size == 0 || size > MaxMessageSize {
		return nil, d.malformed(fmt.Sprintf("a message of %d bytes", size))
	}
	n := int(size)
	if n <= d.rd.Size() {
		msg, err := d.rd.Peek(n)
		if err != nil {
			return nil, midMessage(err)
		}
		d.skip = n
		return msg, nil
	}
	if cap(d.big) < n {
		d.big = make([]byte, n)
	}
	if _, err := io.ReadFull(d.rd, d.big[:n]); err != nil {
		return nil, midMessage(err)
	}
	return d.big[:n], nil
}

// define takes a type definition. The only one in a session is that of Payload.
func (d *Decoder) define(id int, msg []byte) error {
	if d.id != 0 {
		return fmt.Errorf("%w: a second type definition", ErrCorrupt)
	}
	def := appendDefinition(nil, id)
	body := def[len(def)-min(len(def), len(msg)):]
	if !bytes.Equal(body, msg) {
		return fmt.Errorf("%w: the type information is not that of Payload", ErrNotASession)
	}
	d.id = id
	return nil
}

// malformed returns the error of a stream that breaks the rules: what it is
// called depends on whether it ever followed them.
func (d *Decoder) malformed(what string) error {
	if d.id == 0 {
		return fmt.Errorf("%w: %s", ErrNotASession, what)
	}
	return fmt.Errorf("%w: %s", ErrCorrupt, what)
}

// decodeValue decodes a value message behind its type id.
func decodeValue(r gobwire.Reader, pl *Payload) error {
	*pl = Payload{}
	for field := fieldNone; ; {
		delta := r.Uint()
		if delta == 0 {
			break
		}
		if delta > uint64(fieldType-field) {
			return fmt.Errorf("%w: Payload has no field %d", ErrCorrupt, uint64(field)+delta)
		}
		field += int(delta)
		switch field {
		case fieldData:
			pl.Data = r.Bytes(r.Uint())
		case fieldCPU:
			pl.CPU = r.Int()
		case fieldLost:
			pl.Lost = r.Uint()
		case fieldType:
			pl.Type = r.Int()
		}
	}
	switch {
	case r.Failed:
		return fmt.Errorf("%w: it ends too early", ErrCorrupt)
	case len(r.Rest) > 0:
		return fmt.Errorf("%w: %d bytes follow the end of the value", ErrCorrupt, len(r.Rest))
	default:
		return nil
	}
}

var errLength = errors.New("a length of more than 8 bytes")

// readUint reads the length of a message. It returns io.EOF only if the stream
// ends before its first byte.
func readUint(rd *bufio.Reader) (uint64, error) {
	first, err := rd.ReadByte()
	if err != nil {
		return 0, err
	}
	n, ok := gobwire.More(first)
	if !ok {
		return 0, errLength
	}
	more, err := rd.Peek(n)
	if err != nil {
		return 0, midMessage(err)
	}
	u := gobwire.Uint(first, more)
	_, _ = rd.Discard(n) // it was peeked
	return u, nil
}

// midMessage turns the end of the stream inside a message into
// io.ErrUnexpectedEOF.
func midMessage(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
