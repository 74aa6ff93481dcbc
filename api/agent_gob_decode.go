// SPDX-License-Identifier: Apache-2.0

package api

import (
	"math"

	"github.com/cilium/monitor/api/internal/gobwire"
)

// decodeAgentNotify decodes a gob stream that defines the type exactly as encoding/gob
// does for AgentNotify, hundreds of times faster than encoding/gob, which compiles a
// decoder for every stream. It reports whether it could; any other stream is for
// encoding/gob to decode or to refuse.
func decodeAgentNotify(stream []byte) (n AgentNotify, ok bool) {
	r := gobwire.Reader{Rest: stream}
	def := gobwire.Reader{Rest: r.Bytes(r.Uint())}
	defines := def.Uint() // the negated type id, encoded: (id-1)<<1 | 1
	def.Literal(agentNotifyDefHead)
	id := def.Uint() // encoded: id<<1
	def.Literal(agentNotifyDefTail)
	if r.Failed || def.Failed || len(def.Rest) != 0 || id < minGobTypeID || id > maxGobTypeID || id%2 != 0 || defines != id-1 {
		return n, false
	}

	value := gobwire.Reader{Rest: r.Bytes(r.Uint())}
	if value.Uint() != id {
		return n, false
	}
	// Fields are numbered from 1; each is announced by its distance from the one before,
	// and 0 ends the struct.
	delta := value.Uint()
	if delta == 1 {
		typ := value.Uint()
		if typ > math.MaxUint32 {
			return n, false
		}
		n.Type = AgentNotification(typ)
		if delta = value.Uint(); delta > 1 {
			return n, false
		}
		delta *= 2 // as if from the begin of the struct
	}
	if delta == 2 {
		n.Text = string(value.Bytes(value.Uint()))
		delta = value.Uint()
	}
	return n, delta == 0 && !r.Failed && !value.Failed && len(value.Rest) == 0
}

// Type ids of structs, encoded: lower ones are predeclared, and higher ones are no id
// that a process would get to.
const (
	minGobTypeID = 64 << 1
	maxGobTypeID = math.MaxInt16 << 1
)
