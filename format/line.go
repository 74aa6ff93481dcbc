// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/cilium/monitor/api"

// appendOrigin appends "CPU 01: MARK 0x1 FROM 12".
func (f *Formatter) appendOrigin(dst []byte, e *Event, hash uint32, source uint16) []byte {
	dst = appendCPU(dst, e.payload.CPU)
	dst = appendHex(append(dst, " MARK "...), uint64(hash))
	return appendUint(dst, " FROM ", uint64(source))
}

// appendIdentities appends "SOURCE->DESTINATION".
func (f *Formatter) appendIdentities(dst []byte, src, dstLabel api.NumericIdentity) []byte {
	dst = f.appendIdentity(dst, src)
	return f.appendIdentity(append(dst, "->"...), dstLabel)
}

// appendIPTraceID appends the trace id of a packet that has one.
func appendIPTraceID(dst []byte, id uint64) []byte {
	if id == 0 {
		return dst
	}
	return append(appendUint(dst, " [ ip-trace-id = ", id), " ]"...)
}
