// SPDX-License-Identifier: Apache-2.0

package format

const separator = "------------------------------------------------------------------------------\n"

func appendLengths(dst []byte, origLen uint32, capLen uint16) []byte {
	dst = appendUint(dst, "", uint64(origLen))
	dst = appendUint(dst, " bytes (", uint64(capLen))
	return append(dst, " captured)"...)
}
