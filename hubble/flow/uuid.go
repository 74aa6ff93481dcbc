// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/cilium/monitor/agent"
)

// seeds are those of the two halves of a UUID. They are random, so that no two processes have the same.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// uuidOf returns the UUID of an event, of version 8 (RFC 9562): it is made of all there is of the event, so that everybody
// who reads it from the history gets the same.
func uuidOf(e agent.Event) (id [16]byte) {
	var head [16]byte
	binary.NativeEndian.PutUint64(head[:], uint64(e.Time.UnixNano()))
	binary.NativeEndian.PutUint64(head[8:], uint64(e.CPU))
	for i, seed := range seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		h.Write(head[:])
		h.Write(e.Data)
		binary.NativeEndian.PutUint64(id[8*i:], h.Sum64())
	}
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
