// SPDX-License-Identifier: Apache-2.0

package inert

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// needsLookJSON is needsLook for the inside of a JSON string.
var needsLookJSON = func() (set byteSet) {
	set = needsLook
	set['"'] = true
	return set
}()

// AppendJSON appends text as the inside of a JSON string.
func AppendJSON(dst []byte, text string) []byte {
	if needsLookJSON.none(text) {
		return append(dst, text...)
	}
	return appendEscapedJSON(dst, Redact(text))
}

// JSON returns text as the inside of a JSON string.
func JSON(text string) string {
	if needsLookJSON.none(text) {
		return text
	}
	return string(AppendJSON(nil, text))
}

func appendEscapedJSON(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '"', r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case IsPrint(r) && r != utf8.RuneError:
			dst = append(dst, text[i:i+size]...)
		default:
			dst = appendRune(dst, r)
		}
		i += size
	}
	return dst
}

// appendRune appends r escaped, as a surrogate pair if it takes two.
func appendRune(dst []byte, r rune) []byte {
	const hexDigits = "0123456789abcdef"
	if r > 0xffff {
		r -= 0x10000
		dst = appendRune(dst, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return append(dst, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
}

// AppendJSONValue appends a JSON value, which must be valid and compact or indented: what its
// strings have in them is escaped where it is not yet.
func AppendJSONValue(dst, value []byte) []byte {
	for len(value) > 0 {
		before, after, found := bytes.Cut(value, []byte{'"'})
		dst = append(dst, before...)
		if !found {
			return dst
		}
		end := stringEnd(after)
		dst = append(appendInside(append(dst, '"'), after[:end]), '"')
		value = after[end+1:]
	}
	return dst
}

// stringEnd returns where the quote is that ends a string.
func stringEnd(text []byte) int {
	i := 0
	for text[i] != '"' {
		if text[i] == '\\' {
			i++
		}
		i++
	}
	return i
}

// appendInside appends the inside of a JSON string, in which escapes stay as they are.
func appendInside(dst, inside []byte) []byte {
	if !slices.ContainsFunc(inside, func(c byte) bool { return needsLook[c] }) {
		return append(dst, inside...)
	}
	var text string
	quoted := append(append([]byte{'"'}, inside...), '"')
	if err := json.Unmarshal(quoted, &text); err == nil {
		if redacted := Redact(text); redacted != text {
			return appendEscapedJSON(dst, redacted)
		}
	}
	for i := 0; i < len(inside); {
		r, size := utf8.DecodeRune(inside[i:])
		if IsPrint(r) && r != utf8.RuneError {
			dst = append(dst, inside[i:i+size]...)
		} else {
			dst = appendRune(dst, r)
		}
		i += size
	}
	return dst
}
