// SPDX-License-Identifier: Apache-2.0

package format

import "strconv"

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
