// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// AppendRequest appends the frame of a request.
//
// The error is the [Refusal] that an agent would answer, or about a request of more than [MaxRequestSize]; then
// nothing is appended.
func AppendRequest(dst []byte, r *Request) ([]byte, error) {
	request := *r
	request.Version = cmp.Or(r.Version, Version)
	err := request.Validate()
	if err == nil {
		dst, err = appendJSON(dst, KindRequest, MaxRequestSize, &request)
	}
	if err != nil {
		return dst, fmt.Errorf("encode the request: %w", err)
	}
	return dst, nil
}

// ReadRequest reads the frame of a request, and nothing beyond it.
//
// The error is a [Refusal] for an answer to whatever is no good request, else that of the reader below: [io.EOF] if it ends
// before the first byte, [io.ErrUnexpectedEOF] if it does inside the frame.
func ReadRequest(r io.Reader) (*Request, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size, err := RequestFrameSize(head[:])
	if err != nil {
		return nil, err
	}
	body := make([]byte, size-headSize)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, midFrame(err)
	}
	return DecodeRequest(body)
}

// RequestFrameSize returns how many bytes the frame of a request has that begins so, 0 if that is not known yet. It is
// for who has what has come of it, and calls [ReadRequest] once that is all.
//
// The error is a [Refusal] for an answer.
func RequestFrameSize(begin []byte) (int, error) {
	if len(begin) < headSize {
		return 0, nil
	}
	size := binary.LittleEndian.Uint32(begin[offsetLength:])
	switch kind := Kind(begin[offsetKind]); {
	case kind != KindRequest:
		return 0, wrong("", "a session begins with a frame of kind %d, the request, not %d", KindRequest, kind)
	case size > MaxRequestSize:
		return 0, wrong("", "the request has %d bytes, at most %d are possible", size, MaxRequestSize)
	}
	return headSize + int(size), nil
}

// DecodeRequest decodes the body of a request. The error is a [Refusal] for an answer.
func DecodeRequest(body []byte) (*Request, error) {
	if len(body) > MaxRequestSize {
		return nil, wrong("", "the request has %d bytes, at most %d are possible", len(body), MaxRequestSize)
	}
	r := &Request{}
	if err := json.Unmarshal(body, r); err != nil {
		return nil, explainJSON(err)
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}

// explainJSON says what is wrong with a JSON text.
func explainJSON(err error) *Refusal {
	var refusal *Refusal
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &refusal): // of what has a decoder of its own
		return refusal
	case errors.As(err, &typ):
		return wrong(typ.Field, "it cannot be a JSON %s", quote(typ.Value))
	default:
		return wrong("", "the request is no JSON object: %s", err)
	}
}
