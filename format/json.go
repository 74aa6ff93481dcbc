// SPDX-License-Identifier: Apache-2.0

package format

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
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
	return append(appendJSONText(dst, value), '"')
}

func appendStringsMember(dst []byte, name string, values []string) []byte {
	dst = append(appendKey(dst, name), '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSONText(append(dst, '"'), v), '"')
	}
	return append(dst, ']')
}

// appendAnyMember leaves value, which must be one that marshals, to encoding/json.
func appendAnyMember(dst []byte, name string, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		return appendStringMember(dst, name, err.Error())
	}
	return append(appendKey(dst, name), text...)
}

// appendRawMember appends text that claims to be JSON: on one line if it is, as
// a string if it is not.
func appendRawMember(dst []byte, name, text string) []byte {
	raw := []byte(text)
	if !json.Valid(raw) {
		return appendStringMember(dst, name, text)
	}
	buf := bytes.NewBuffer(appendKey(dst, name))
	// Compact cannot fail on what is valid.
	_ = json.Compact(buf, raw)
	return buf.Bytes()
}

// appendJSONText appends the inside of a JSON string.
func appendJSONText(dst []byte, text string) []byte {
	plain := 0 // text[plain:i] needs no escaping
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if c >= utf8.RuneSelf && r != utf8.RuneError && strconv.IsPrint(r) {
			i += size
			continue
		}
		dst = append(dst, text[plain:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\r':
			dst = append(dst, `\r`...)
		default:
			dst = appendJSONRune(dst, r)
		}
		i += size
		plain = i
	}
	return append(dst, text[plain:]...)
}

// appendJSONRune appends r escaped, as a surrogate pair if it takes two.
func appendJSONRune(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		dst = appendJSONRune(dst, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	dst = append(dst, `\u`...)
	return appendHexByte(appendHexByte(dst, byte(r>>8)), byte(r))
}
