// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"fmt"

	"github.com/cilium/monitor/api"
)

// newDescriptor returns the descriptor of a registered type.
func newDescriptor(t *Type) *descriptor {
	return &descriptor{
		level:  t.Level,
		lazy:   true,
		decode: t.decode,
		line:   t.appendLine,
		json:   t.appendJSON,

		kind: func(e *Event) summaryKind {
			if t.Kind == nil {
				return summaryKind{}
			}
			return summaryKind{text: t.kind(e)}
		},
		kindName: func(k summaryKind) string { return k.text },
		packet: func(e *Event) packetInfo {
			return packetInfo{origLen: e.own.OrigLen, l3: e.own.L3Device}
		},
		ifindex: func(e *Event) uint32 { return e.own.Ifindex },
	}
}

// recovered sets an error if the function of t that is called what panicked.
func (t *Type) recovered(what string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("decode %s sample: the type's %s function panicked: %v", t.Name, what, r)
	}
}

func (t *Type) decode(e *Event) (err error) {
	defer t.recovered("Decode", &err)
	s := &e.own
	*s = Sample{Data: e.payload.Data[:len(e.payload.Data):len(e.payload.Data)], CPU: e.payload.CPU, typ: t.Number}
	if err := t.Decode(s); err != nil {
		if _, ok := errors.AsType[*api.DecodeError](err); ok {
			return err
		}
		return fmt.Errorf("decode %s sample: %w", t.Name, err)
	}
	if len(s.Packet) > 0 {
		e.sample.Packet = s.Packet
	}
	if s.OrigLen == 0 {
		s.OrigLen = uint32(len(s.Packet))
	}
	return nil
}

// appendFields, appendJSON and kind set e.err, and what they return is of no use,
// if the function that they call panics.

func (t *Type) appendLine(_ *Formatter, dst []byte, e *Event) []byte {
	dst = t.appendFields(dst, e)
	if e.sample.Packet == nil {
		return dst
	}
	return e.dissection().appendSummary(append(dst, ": "...))
}

func (t *Type) appendFields(dst []byte, e *Event) []byte {
	defer t.recovered("Line", &e.err)
	e.line = Line{dst: dst, interfaceName: e.interfaceName}
	t.Line(&e.line, &e.own)
	return e.line.dst
}

func (t *Type) appendJSON(_ *Formatter, dst []byte, e *Event) []byte {
	defer t.recovered("JSON", &e.err)
	e.json = Object{dst: appendJSONHead(dst, e, t.Name)}
	t.JSON(&e.json, &e.own)
	return e.dissection().appendJSONSummary(e.json.dst)
}

func (t *Type) kind(e *Event) string {
	defer t.recovered("Kind", &e.err)
	return t.Kind(&e.own)
}
