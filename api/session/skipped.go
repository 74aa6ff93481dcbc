// SPDX-License-Identifier: Apache-2.0

package session

import (
	"encoding/binary"
	"fmt"
)

// skippedSize is the size of the body that tells how many events are skipped: one number, u64.
const skippedSize = 8

// AppendSkipped appends the frame that tells how many events the agent has had since the session began that the request
// does not ask for. It allocates nothing if dst has room for 16 bytes.
func AppendSkipped(dst []byte, events uint64) []byte {
	return binary.LittleEndian.AppendUint64(appendHead(dst, KindSkipped, skippedSize), events)
}

// DecodeSkipped decodes the body of such a frame. The error wraps [ErrCorrupt].
func DecodeSkipped(body []byte) (events uint64, err error) {
	if len(body) < skippedSize {
		return 0, fmt.Errorf("%w: a number of skipped events of %d bytes", ErrCorrupt, len(body))
	}
	return binary.LittleEndian.Uint64(body), nil
}
