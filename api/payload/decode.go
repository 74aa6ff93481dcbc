// SPDX-License-Identifier: Apache-2.0

package payload

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
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
		rest := msg
		id, err := takeInt(&rest)
		if err != nil {
			return err
		}
		switch {
		case id < 0:
			if err := d.define(-id, msg); err != nil {
				return err
			}
		case d.id == 0:
			return fmt.Errorf("%w: it starts with a value, not with the type information", ErrNotASession)
		case id != d.id:
			return fmt.Errorf("%w: a value of type id %d in a session of id %d", ErrCorrupt, id, d.id)
		default:
			return decodeValue(rest, pl)
		}
	}
}

// next returns the next message without its length. It is valid until the next
// call.
func (d *Decoder) next() ([]byte, error) {
	if _, err := d.rd.Discard(d.skip); err != nil {
		return nil, fmt.Errorf("skip message: %w", err)
	}
	d.skip = 0

	size, err := readUint(d.rd)
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
func decodeValue(b []byte, pl *Payload) error {
	*pl = Payload{}
	for field := fieldNone; ; {
		delta, err := takeUint(&b)
		if err != nil {
			return err
		}
		if delta == 0 {
			break
		}
		if delta > uint64(fieldType-field) {
			return fmt.Errorf("%w: Payload has no field %d", ErrCorrupt, uint64(field)+delta)
		}
		field += int(delta)
		switch field {
		case fieldData:
			pl.Data, err = takeBytes(&b)
		case fieldCPU:
			pl.CPU, err = takeInt(&b)
		case fieldLost:
			pl.Lost, err = takeUint(&b)
		case fieldType:
			pl.Type, err = takeInt(&b)
		}
		if err != nil {
			return err
		}
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes follow the end of a value", ErrCorrupt, len(b))
	}
	return nil
}

func takeInt(b *[]byte) (int, error) {
	u, err := takeUint(b)
	if u&1 != 0 {
		return int(^(u >> 1)), err
	}
	return int(u >> 1), err
}

func takeBytes(b *[]byte) ([]byte, error) {
	n, err := takeUint(b)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(*b)) {
		return nil, fmt.Errorf("%w: Data of %d bytes in a message with %d left", ErrCorrupt, n, len(*b))
	}
	data := (*b)[:n:n]
	*b = (*b)[n:]
	return data, nil
}

func takeUint(b *[]byte) (uint64, error) {
	s := *b
	if len(s) == 0 {
		return 0, fmt.Errorf("%w: a message ends too early", ErrCorrupt)
	}
	first := s[0]
	s = s[1:]
	n, ok := uintBytes(first)
	if !ok || n > len(s) {
		return 0, fmt.Errorf("%w: an integer of %d bytes in a message with %d left", ErrCorrupt, n, len(s))
	}
	*b = s[n:]
	return uintFrom(first, s[:n]), nil
}

// readUint reads the length of a message. It returns io.EOF only if the stream
// ends before its first byte.
func readUint(rd *bufio.Reader) (uint64, error) {
	first, err := rd.ReadByte()
	if err != nil {
		return 0, err
	}
	n, ok := uintBytes(first)
	if !ok {
		return 0, fmt.Errorf("%w: a length of %d bytes", ErrCorrupt, n)
	}
	more, err := rd.Peek(n)
	if err != nil {
		return 0, midMessage(err)
	}
	u := uintFrom(first, more)
	_, err = rd.Discard(n)
	return u, err
}

// uintBytes returns how many bytes follow the first one of an integer, and
// whether that is a number gob can write.
func uintBytes(first byte) (n int, ok bool) {
	if first < 0x80 {
		return 0, true
	}
	n = -int(int8(first))
	return n, n <= maxUint-1
}

// uintFrom returns the integer of the given first byte and those that follow it.
func uintFrom(first byte, more []byte) uint64 {
	if len(more) == 0 {
		return uint64(first)
	}
	var u uint64
	for _, c := range more {
		u = u<<8 | uint64(c)
	}
	return u
}

// midMessage turns the end of the stream inside a message into
// io.ErrUnexpectedEOF.
func midMessage(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
