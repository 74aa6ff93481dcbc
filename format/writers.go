// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"strconv"

	"github.com/cilium/monitor/internal/inert"
)

// Line is the line of an event of a registered type. What is written to it stays on
// one line, and cannot drive a terminal.
type Line struct {
	dst           []byte
	interfaceName func(ifindex uint32) string
}

// Text writes text, wherever it is from: control and invisible characters, and bytes that are
// not UTF-8, are escaped.
func (l *Line) Text(text string) { l.dst = inert.Append(l.dst, text) }

// Uint writes a number.
func (l *Line) Uint(n uint64) { l.dst = strconv.AppendUint(l.dst, n, 10) }

// Hex writes a number as "0x1f".
func (l *Line) Hex(n uint64) { l.dst = appendHex(l.dst, n) }

// Interface writes the name of a network interface, its index if it has none.
func (l *Line) Interface(ifindex uint32) { l.Text(l.interfaceName(ifindex)) }

// Printf writes what fmt.Printf would, escaped as by Text. The other methods are faster: they
// do not allocate.
func (l *Line) Printf(format string, args ...any) { l.Text(fmt.Sprintf(format, args...)) }

// Object is the JSON object of an event of a registered type. Whatever is written to it, it is
// one object on one line. Names must differ from each other, and from "time", "cpu",
// "type" and "summary".
type Object struct{ dst []byte }

// String writes a member whose value is text, wherever it is from.
func (o *Object) String(name, value string) {
	o.dst = appendStringMember(o.dst, inert.JSON(name), value)
}

// Uint writes a member whose value is a number.
func (o *Object) Uint(name string, n uint64) { o.dst = appendUintMember(o.dst, inert.JSON(name), n) }

// Int writes a member whose value is a number.
func (o *Object) Int(name string, n int64) { o.dst = appendIntMember(o.dst, inert.JSON(name), n) }

// Bool writes a member whose value is true or false.
func (o *Object) Bool(name string, b bool) {
	o.dst = strconv.AppendBool(appendKey(o.dst, inert.JSON(name)), b)
}

// Any writes a member as encoding/json marshals its value, and the error in place of a value that
// does not marshal.
func (o *Object) Any(name string, value any) { o.dst = appendAnyMember(o.dst, inert.JSON(name), value) }
