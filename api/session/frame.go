// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// headSize is the size of what a frame begins with.
const headSize = 8

// Offsets in the head of a frame.
const (
	offsetLength = 0
	offsetKind   = 4
)

// appendHead appends the head of a frame.
func appendHead(dst []byte, kind Kind, size int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(size))
	return append(dst, byte(kind), 0, 0, 0)
}

// AppendLive appends the frame that says that the history ends.
func AppendLive(dst []byte) []byte { return appendHead(dst, KindLive, 0) }

// AppendEnd appends the frame that says that all is delivered.
func AppendEnd(dst []byte) []byte { return appendHead(dst, KindEnd, 0) }

// appendJSON appends a frame whose body has at most so many bytes.
func appendJSON(dst []byte, kind Kind, maxSize int, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("it has %d bytes, at most %d are possible", len(text), maxSize)
	}
	if err != nil {
		return dst, err
	}
	return append(appendHead(dst, kind, len(text)), text...), nil
}

// decodeJSON decodes a body of an agent's that has at most so many bytes.
func decodeJSON(what string, body []byte, maxSize int, v any) error {
	if len(body) > maxSize {
		return fmt.Errorf("%w: %s of %d bytes", ErrCorrupt, what, len(body))
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, what, err)
	}
	return nil
}

// Reader reads frames. It is not safe for concurrent use.
type Reader struct {
	in   *bufio.Reader
	skip int    // length of the last body, still in in's buffer
	big  []byte // bodies that do not fit in there
}

// NewReader returns a reader of the frames that begin with r's first byte. It buffers: it may read beyond the last frame
// that it returned.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 64<<10)}
}

// Next reads the next frame, of whatever kind. The body is valid until the next call, which reuses its memory.
//
// The error is [io.EOF] at the end of the stream, [io.ErrUnexpectedEOF] if it ends inside a frame, that of the reader
// below if it has one, and wraps [ErrCorrupt] for a body of more than [MaxBodySize]. After an error the Reader must not
// be used any more.
func (r *Reader) Next() (kind Kind, body []byte, err error) {
	_, _ = r.in.Discard(r.skip) // it was peeked, so it is there
	r.skip = 0

	head, err := r.in.Peek(headSize)
	if err != nil {
		if len(head) > 0 {
			err = midFrame(err)
		}
		return 0, nil, err
	}
	kind = Kind(head[offsetKind])
	size := binary.LittleEndian.Uint32(head[offsetLength:])
	if size > MaxBodySize {
		return 0, nil, fmt.Errorf("%w: a body of %d bytes", ErrCorrupt, size)
	}
	_, _ = r.in.Discard(headSize)
	n := int(size)
	if n <= r.in.Size() {
		body, err := r.in.Peek(n)
		if err != nil {
			return 0, nil, midFrame(err)
		}
		r.skip = n
		return kind, body, nil
	}
	if cap(r.big) < n {
		r.big = make([]byte, n)
	}
	if _, err := io.ReadFull(r.in, r.big[:n]); err != nil {
		return 0, nil, midFrame(err)
	}
	return kind, r.big[:n], nil
}

// midFrame turns the end inside a frame into io.ErrUnexpectedEOF.
func midFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
