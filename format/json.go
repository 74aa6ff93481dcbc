// SPDX-License-Identifier: Apache-2.0

package format

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/cilium/monitor/internal/inert"
)

// The functions here append members of a JSON object: `"name":value`, behind a comma
// unless the member is the first. Names need no escaping.

func appendKey(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(append(dst, '"'), name...)
	return append(dst, '"', ':')
}

func appendObject(dst []byte, name string) []byte {
	return append(appendKey(dst, name), '{')
}

func appendUintMember(dst []byte, name string, n uint64) []byte {
	return strconv.AppendUint(appendKey(dst, name), n, 10)
}

func appendIntMember(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendKey(dst, name), n, 10)
}

func appendStringMember(dst []byte, name, value string) []byte {
	dst = append(appendKey(dst, name), '"')
	return append(inert.AppendJSON(dst, value), '"')
}

func appendStringsMember(dst []byte, name string, values []string) []byte {
	dst = append(appendKey(dst, name), '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(inert.AppendJSON(append(dst, '"'), v), '"')
	}
	return append(dst, ']')
}

// appendAnyMember leaves value, which must be one that marshals, to encoding/json.
func appendAnyMember(dst []byte, name string, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		return appendStringMember(dst, name, err.Error())
	}
	return inert.AppendJSONValue(appendKey(dst, name), text)
}

// appendRawMember appends text that claims to be JSON: on one line if it is, as
// a string if it is not.
func appendRawMember(dst []byte, name, text string) []byte {
	raw := []byte(text)
	if !json.Valid(raw) {
		return appendStringMember(dst, name, text)
	}
	var compact bytes.Buffer
	// Compact cannot fail on what is valid.
	_ = json.Compact(&compact, raw)
	return inert.AppendJSONValue(appendKey(dst, name), compact.Bytes())
}
