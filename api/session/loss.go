// SPDX-License-Identifier: Apache-2.0

package session

import (
	"encoding/binary"
	"fmt"
)

// LossCause is where events were lost. There can be others than those that have a name here.
type LossCause uint8

const (
	// LostInKernel is for events that the datapath found no room for: the agent did not read fast enough.
	LostInKernel LossCause = 1

	// LostByReader is for events that the client did not read fast enough.
	LostByReader LossCause = 2

	// LostByRateLimit is for events that the datapath did not make, since there were more than its rate limit allows.
	LostByRateLimit LossCause = 3

	// LostFromHistory is for events that the request asked for and that the history does not have any more.
	LostFromHistory LossCause = 4
)

func (c LossCause) String() string {
	switch c {
	case LostInKernel:
		return "kernel"
	case LostByReader:
		return "reader"
	case LostByRateLimit:
		return "rate-limit"
	case LostFromHistory:
		return "history"
	default:
		return fmt.Sprintf("unknown(%d)", uint8(c))
	}
}

// Loss tells, in the place where they would have been, of events that are not delivered.
type Loss struct {
	// Time is when the agent noticed, in nanoseconds since 1970, by the clock of its machine.
	Time int64

	// Count is the number of events. If AtLeast, there may be more: nobody counted all of them, and 0 is possible.
	Count   uint64
	AtLeast bool

	// CPU is the one whose events they were, payload.CPULostByReader if they are not those of one CPU.
	CPU int

	Cause LossCause

	// Type is their message type, 0 if they can be of any.
	Type uint8
}

// Offsets in the body of a loss, and its size.
const (
	offsetLossTime  = 0  // i64
	offsetLossCount = 8  // u64
	offsetLossCPU   = 16 // i32
	offsetLossCause = 20 // u8
	offsetLossType  = 21 // u8
	offsetLossFlags = 22 // u8
	lossSize        = 24 // with a byte that is reserved
)

// flagAtLeast is Loss.AtLeast.
const flagAtLeast = 1

// AppendLoss appends the frame of a loss. It allocates nothing if dst has room for 32 bytes.
func AppendLoss(dst []byte, l Loss) []byte {
	dst = appendHead(dst, KindLoss, lossSize)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(l.Time))
	dst = binary.LittleEndian.AppendUint64(dst, l.Count)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(l.CPU)))
	flags := byte(0)
	if l.AtLeast {
		flags = flagAtLeast
	}
	return append(dst, byte(l.Cause), l.Type, flags, 0)
}

// DecodeLoss decodes the body of a loss. The error wraps [ErrCorrupt].
func DecodeLoss(body []byte) (Loss, error) {
	if len(body) < lossSize {
		return Loss{}, fmt.Errorf("%w: a loss of %d bytes", ErrCorrupt, len(body))
	}
	return Loss{
		Time:    int64(binary.LittleEndian.Uint64(body[offsetLossTime:])),
		Count:   binary.LittleEndian.Uint64(body[offsetLossCount:]),
		AtLeast: body[offsetLossFlags]&flagAtLeast != 0,
		CPU:     int(int32(binary.LittleEndian.Uint32(body[offsetLossCPU:]))),
		Cause:   LossCause(body[offsetLossCause]),
		Type:    body[offsetLossType],
	}, nil
}
