// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/cilium/monitor/agent"
)

// seed is random, so that no two processes give an event the same UUID.
var seed = maphash.MakeSeed()

// uuidOf returns the UUID of an event, of version 8 (RFC 9562): its time and a hash of it, so that everybody who reads it from
// the history gets the same.
func uuidOf(e agent.Event) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(e.Time.UnixNano()))
	var h maphash.Hash
	h.SetSeed(seed)
	_ = h.WriteByte(byte(e.CPU))
	_, _ = h.Write(e.Data)
	binary.BigEndian.PutUint64(id[8:], h.Sum64())
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
