// SPDX-License-Identifier: Apache-2.0

package api

import "math"

// decodeAgentNotify decodes a gob stream that defines the type exactly as encoding/gob
// does for AgentNotify, hundreds of times faster than encoding/gob, which compiles a
// decoder for every stream. It reports whether it could; any other stream is for
// encoding/gob to decode or to refuse.
func decodeAgentNotify(stream []byte) (n AgentNotify, ok bool) {
	r := gobReader{rest: stream}
	def := gobReader{rest: r.bytes(r.uint())}
	defines := def.uint() // the negated type id, encoded: (id-1)<<1 | 1
	def.literal(agentNotifyDefHead)
	id := def.uint() // encoded: id<<1
	def.literal(agentNotifyDefTail)
	if r.failed || def.failed || len(def.rest) != 0 || id < minGobTypeID || id > maxGobTypeID || id%2 != 0 || defines != id-1 {
		return n, false
	}

	value := gobReader{rest: r.bytes(r.uint())}
	if value.uint() != id {
		return n, false
	}
	// Fields are numbered from 1; each is announced by its distance from the one before,
	// and 0 ends the struct.
	delta := value.uint()
	if delta == 1 {
		typ := value.uint()
		if typ > math.MaxUint32 {
			return n, false
		}
		n.Type = AgentNotification(typ)
		if delta = value.uint(); delta > 1 {
			return n, false
		}
		delta *= 2 // as if from the begin of the struct
	}
	if delta == 2 {
		n.Text = string(value.bytes(value.uint()))
		delta = value.uint()
	}
	return n, delta == 0 && !r.failed && !value.failed && len(value.rest) == 0
}

// Type ids of structs, encoded: lower ones are predeclared, and higher ones are no id
// that a process would get to.
const (
	minGobTypeID = 64 << 1
	maxGobTypeID = math.MaxInt16 << 1
)

// gobReader reads the pieces of a gob stream. After the first one that is not there,
// failed is set and it reads zeros.
type gobReader struct {
	rest   []byte
	failed bool
}

// bytes reads n bytes.
func (r *gobReader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.failed, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// literal reads the bytes of s.
func (r *gobReader) literal(s string) {
	if string(r.bytes(uint64(len(s)))) != s {
		r.failed, r.rest = true, nil
	}
}

// uint reads what appendGobUint appends.
func (r *gobReader) uint() uint64 {
	first := r.bytes(1)
	if len(first) == 0 || first[0] < 0x80 {
		return bigEndian(first)
	}
	n := -int(int8(first[0]))
	if n > 8 {
		r.failed, r.rest = true, nil
		return 0
	}
	return bigEndian(r.bytes(uint64(n)))
}

// bigEndian returns the number of up to 8 bytes, most significant first.
func bigEndian(b []byte) (u uint64) {
	for _, c := range b {
		u = u<<8 | uint64(c)
	}
	return u
}
