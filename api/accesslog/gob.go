// SPDX-License-Identifier: Apache-2.0

package accesslog

import (
	"bytes"
	"encoding/gob"
	"fmt"

	"github.com/cilium/monitor/api"
)

// Append appends the sample of r to dst: the message type and a gob stream of its own. An
// error leaves dst as it was.
func (r *LogRecord) Append(dst []byte) ([]byte, error) {
	buf := bytes.NewBuffer(append(dst, api.MessageTypeAccessLog))
	if err := gob.NewEncoder(buf).Encode(r); err != nil {
		return dst, fmt.Errorf("encode access log record: %w", err)
	}
	return buf.Bytes(), nil
}

// Decode sets r from a sample of up to [api.MaxUserEventSize] bytes. What is of another type in it than in
// LogRecord, and what cannot be understood, as a URL can't that is none, is left out: records of agents of other versions
// have that. The addresses of a DNS answer are understood in the old type, too. The error is an [*api.DecodeError]; r is
// unchanged then.
func (r *LogRecord) Decode(sample []byte) error {
	if typ, err := api.MessageType(sample); err != nil {
		return err
	} else if typ != api.MessageTypeAccessLog {
		return &api.DecodeError{Type: typ, Got: len(sample), Err: api.ErrWrongType}
	}
	if len(sample) > api.MaxUserEventSize {
		return &api.DecodeError{Type: api.MessageTypeAccessLog, Want: api.MaxUserEventSize, Got: len(sample), Err: api.ErrOversized}
	}
	var v LogRecord
	if err := decodeGob(sample[1:], &v); err != nil {
		return &api.DecodeError{Type: api.MessageTypeAccessLog, Got: len(sample), Err: fmt.Errorf("%w: %w", api.ErrMalformed, err)}
	}
	*r = v
	return nil
}
