// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"strconv"
	"strings"
)

// Codes of a [Refusal]. There can be others.
const (
	CodeRequest  = "request"  // the request is wrong; Field says where
	CodeVersion  = "version"  // the agent does not speak the version of the request
	CodeTimeout  = "timeout"  // no request came in time
	CodeBusy     = "busy"     // the agent has as many clients as it takes
	CodeStopping = "stopping" // the agent stops
)

// Refusal is why an agent ends a session. As an error it is one of a request, too, on either side.
type Refusal struct {
	// Code is for programs, Text for people: one line.
	Code string `json:"code"`
	Text string `json:"text"`

	// Field is the member of the request that is wrong, such as "packets[0].ports[1]"; empty if it is none.
	Field string `json:"field,omitempty"`

	// Temporary says that the same request can be taken later.
	Temporary bool `json:"temporary,omitempty"`
}

func (r *Refusal) Error() string {
	if r.Field == "" {
		return r.Text
	}
	return r.Field + ": " + r.Text
}

// AppendRefusal appends the frame of a refusal.
//
// The error is about one that is too large, which then is not appended.
func AppendRefusal(dst []byte, r *Refusal) ([]byte, error) {
	dst, err := appendJSON(dst, KindRefusal, maxRefusalSize, r)
	if err != nil {
		return dst, fmt.Errorf("encode the refusal: %w", err)
	}
	return dst, nil
}

// DecodeRefusal decodes the body of a refusal. What cannot be printed of its texts is replaced. The error wraps
// [ErrCorrupt].
func DecodeRefusal(body []byte) (*Refusal, error) {
	r := &Refusal{}
	if err := decodeJSON("a refusal", body, maxRefusalSize, r); err != nil {
		return nil, err
	}
	for _, text := range []*string{&r.Code, &r.Text, &r.Field} {
		*text = strings.Map(printable, *text)
	}
	return r, nil
}

func printable(c rune) rune {
	if strconv.IsPrint(c) {
		return c
	}
	return '\ufffd'
}

// wrong returns the refusal of a request with a wrong member.
func wrong(field, format string, args ...any) *Refusal {
	return &Refusal{Code: CodeRequest, Field: field, Text: fmt.Sprintf(format, args...)}
}
