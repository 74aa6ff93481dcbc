// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"errors"
	"fmt"
)

// errShort says that a value goes on behind the bytes at hand.
var errShort = errors.New("short")

// count walks over the whole gob messages at the start of buf, adds them to c,
// and returns how many bytes they took. It reads no more of a message than it
// must: the client shares the CPUs with the agent.
func count(buf []byte, c *Counts) (int, error) {
	done := 0
	for done < len(buf) {
		size, n, err := gobUint(buf[done:])
		if err != nil && !errors.Is(err, errShort) {
			return done, err
		}
		if err != nil || size > uint64(len(buf)-done-n) {
			break // the rest has not arrived
		}
		end := done + n + int(size)
		if err := countMessage(buf[done+n:end], c); err != nil {
			return done, err
		}
		done = end
	}
	return done, nil
}

// countMessage looks at one message: type id, then the fields that are not
// zero, each with the distance to the field before. A payload without its first
// field, Data, is a RecordLost.
func countMessage(msg []byte, c *Counts) error {
	id, n, err := gobUint(msg)
	if err != nil {
		return err
	}
	if id&1 != 0 { // negative: a type definition
		return nil
	}
	msg = msg[n:]
	if len(msg) > 0 && msg[0] == 1 {
		c.Delivered++
		return nil
	}
	var fields [5]uint64 // by number: 2 CPU, 3 Lost, 4 Type
	for field := uint64(0); ; {
		delta, n, err := gobUint(msg)
		if err != nil {
			return err
		}
		if delta == 0 {
			break
		}
		if field += delta; field >= uint64(len(fields)) {
			return fmt.Errorf("a payload with a field number %d", field)
		}
		msg = msg[n:]
		if fields[field], n, err = gobUint(msg); err != nil {
			return err
		}
		msg = msg[n:]
	}
	const recordLost = 2 << 1 // a gob integer keeps its sign in bit 0
	if fields[4] != recordLost {
		return fmt.Errorf("a payload with no data of type %d", fields[4]>>1)
	}
	if fields[2]&1 != 0 { // CPU -1
		c.LostQueue += fields[3]
	} else {
		c.LostKernel += fields[3]
	}
	return nil
}

// gobUint reads gob's form of an unsigned integer: one byte below 128, else the
// number of the bytes that follow, negated.
func gobUint(b []byte) (v uint64, n int, err error) {
	if len(b) == 0 {
		return 0, 0, errShort
	}
	if b[0] < 128 {
		return uint64(b[0]), 1, nil
	}
	n = 1 + 256 - int(b[0])
	if n > 9 {
		return 0, 0, fmt.Errorf("a gob integer of %d bytes", n-1)
	}
	if len(b) < n {
		return 0, 0, errShort
	}
	for _, x := range b[1:n] {
		v = v<<8 | uint64(x)
	}
	return v, n, nil
}
