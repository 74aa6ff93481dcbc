// SPDX-License-Identifier: Apache-2.0

package session

import (
	"encoding/binary"
	"fmt"
)

// Offsets in the body of an event.
const (
	offsetEventTime = 0  // i64
	offsetEventCPU  = 8  // i32
	offsetEventSize = 12 // u32: of the data
	offsetEventData = 16
)

// MaxDataSize is the size in bytes of the largest data of an event.
const MaxDataSize = MaxBodySize - offsetEventData

// EventOverhead is how many bytes the frame of an event has on top of its data.
const EventOverhead = headSize + offsetEventData

// Event is an event of a session.
type Event struct {
	// Time is when the agent got it, in nanoseconds since 1970, by the clock of its machine.
	Time int64

	// CPU and Data are those of the API 1.2, see [payload.Payload].
	//
	// [payload.Payload]: https://pkg.go.dev/github.com/cilium/monitor/api/payload#Payload
	CPU  int
	Data []byte
}

// AppendEvent appends the frame of an event, whose data has at most [MaxDataSize] bytes. It allocates nothing if dst
// has room for [EventOverhead] bytes and the data.
func AppendEvent(dst []byte, time int64, cpu int, data []byte) []byte {
	dst = appendHead(dst, KindEvent, offsetEventData+len(data))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(time))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(cpu)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
	return append(dst, data...)
}

// DecodeEvent decodes the body of an event. Data shares its memory. The error wraps [ErrCorrupt].
func DecodeEvent(body []byte) (Event, error) {
	if len(body) < offsetEventData {
		return Event{}, fmt.Errorf("%w: an event of %d bytes", ErrCorrupt, len(body))
	}
	size := uint64(binary.LittleEndian.Uint32(body[offsetEventSize:]))
	if size > uint64(len(body)-offsetEventData) {
		return Event{}, fmt.Errorf("%w: an event with %d bytes of data in %d", ErrCorrupt, size, len(body))
	}
	end := offsetEventData + int(size)
	return Event{
		Time: int64(binary.LittleEndian.Uint64(body[offsetEventTime:])),
		CPU:  int(int32(binary.LittleEndian.Uint32(body[offsetEventCPU:]))),
		Data: body[offsetEventData:end:end],
	}, nil
}
