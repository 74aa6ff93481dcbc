// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

func appendHexByte(dst []byte, b byte) []byte {
	return append(dst, hexDigits[b>>4], hexDigits[b&0xf])
}

// appendHex appends n as "0x1f".
func appendHex(dst []byte, n uint64) []byte {
	return strconv.AppendUint(append(dst, "0x"...), n, 16)
}

// appendUint appends prefix and n.
func appendUint(dst []byte, prefix string, n uint64) []byte {
	return strconv.AppendUint(append(dst, prefix...), n, 10)
}

// appendCPU appends "CPU 01:".
func appendCPU(dst []byte, cpu int) []byte {
	dst = append(dst, "CPU "...)
	if cpu >= 0 && cpu < 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, int64(cpu), 10)
	return append(dst, ':')
}

// appendText appends text that comes from outside. What could drive a terminal or end
// the line (control and invisible characters, bytes that are not UTF-8) is escaped.
func appendText(dst []byte, text string) []byte {
	plain := 0
	for plain < len(text) && text[plain] >= ' ' && text[plain] <= '~' {
		plain++
	}
	dst = append(dst, text[:plain]...)
	for i := plain; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = appendHexByte(append(dst, `\x`...), text[i])
		case strconv.IsPrint(r):
			dst = append(dst, text[i:i+size]...)
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
		i += size
	}
	return dst
}
