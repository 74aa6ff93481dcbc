// SPDX-License-Identifier: Apache-2.0

package accesslog

import (
	"encoding"
	"errors"
	"net/netip"
	"reflect"

	"github.com/cilium/monitor/api/internal/gobwire"
)

// errNoStruct is the error of what is no gob stream of a struct.
var errNoStruct = errors.New("no whole gob stream of a struct")

// maxGobDepth is how deep the parts of a value can be nested, as for encoding/gob. Those of a record are in five
// levels.
const maxGobDepth = 10_000

// gobDecoder decodes a gob stream of one value. Other than encoding/gob it does not refuse the whole
// value because of one part: what is of another type than it is here, or cannot be understood, is left out.
// So records of older and newer agents can be read, whatever they have changed.
type gobDecoder struct {
	gobwire.Reader
	types map[int]*gobType
	depth int
}

// decodeGob sets the struct that v points to from a stream.
func decodeGob(stream []byte, v any) error {
	d := gobDecoder{types: make(map[int]*gobType)}
	messages := gobwire.Reader{Rest: stream}
	for {
		d.Reader = gobwire.Reader{Rest: messages.Bytes(messages.Uint())}
		id := d.Int()
		if id < 0 {
			d.define(-id)
		} else if typ := d.typeOf(id); typ == nil || typ.StructT == nil {
			return errNoStruct
		} else {
			d.value(id, reflect.ValueOf(v).Elem())
		}
		switch {
		case messages.Failed || d.Failed || len(d.Rest) > 0:
			return errNoStruct
		case id >= 0:
			return nil
		}
	}
}

// define reads the definition of a type.
func (d *gobDecoder) define(id int) {
	typ := new(gobType)
	d.value(gobTypeDefinition, reflect.ValueOf(typ).Elem())
	if id < minGobTypeID || d.types[id] != nil {
		d.fail()
	}
	d.types[id] = typ
}

// typeOf returns a type that is not one of the basic ones, nil if there is none.
func (d *gobDecoder) typeOf(id int) *gobType {
	if id < minGobTypeID {
		return gobDefinitions[id]
	}
	return d.types[id]
}

func (d *gobDecoder) fail() { d.Rest, d.Failed = nil, true }

// value reads a value of a type into dst and reports whether dst has it now. It has not, but is what it was,
// if it can't have such a value. The zero dst is for a value that nobody wants.
func (d *gobDecoder) value(id int, dst reflect.Value) bool {
	if d.depth++; d.depth > maxGobDepth {
		d.fail()
	}
	defer func() { d.depth-- }()
	if dst.IsValid() && dst.Kind() == reflect.Pointer {
		target := reflect.New(dst.Type().Elem())
		ok := d.value(id, target.Elem())
		if ok {
			dst.Set(target)
		}
		return ok
	}
	switch id {
	case gobBool, gobFloat:
		d.Uint()
		return false
	case gobUint:
		return d.uint(dst)
	case gobInt:
		return d.int(dst)
	case gobBytes:
		content := d.Bytes(d.Uint())
		return !d.Failed && setBytes(dst, content)
	case gobString:
		content := d.Bytes(d.Uint())
		if d.Failed || !dst.IsValid() || dst.Kind() != reflect.String {
			return false
		}
		dst.SetString(string(content))
		return true
	case gobComplex:
		d.Uint()
		d.Uint()
		return false
	case gobInterface:
		d.skipInterface()
		return false
	}
	typ := d.typeOf(id)
	switch {
	case typ == nil:
		d.fail()
		return false
	case typ.StructT != nil:
		return d.structure(typ.StructT, dst)
	case typ.SliceT != nil:
		return d.list(typ.SliceT.Elem, dst)
	case typ.ArrayT != nil:
		return d.list(typ.ArrayT.Elem, dst)
	case typ.MapT != nil:
		return d.dictionary(typ.MapT, dst)
	default: // a type with a method that encodes it
		content := d.Bytes(d.Uint())
		u, ok := unmarshaler(dst)
		return !d.Failed && ok && u.UnmarshalBinary(content) == nil
	}
}

func (d *gobDecoder) uint(dst reflect.Value) bool {
	u := d.Uint()
	if d.Failed || !dst.IsValid() || !dst.CanUint() || dst.OverflowUint(u) {
		return false
	}
	dst.SetUint(u)
	return true
}

func (d *gobDecoder) int(dst reflect.Value) bool {
	i := int64(d.Int())
	if d.Failed || !dst.IsValid() || !dst.CanInt() || dst.OverflowInt(i) {
		return false
	}
	dst.SetInt(i)
	return true
}

// structure reads a struct: for each field that is not zero the distance from the one before, and the
// value, then 0.
func (d *gobDecoder) structure(typ *gobStruct, dst reflect.Value) bool {
	if dst.IsValid() {
		if _, other := unmarshaler(dst); other || dst.Kind() != reflect.Struct {
			dst = reflect.Value{}
		}
	}
	for n := -1; ; {
		delta := d.Uint()
		if delta == 0 {
			return !d.Failed && dst.IsValid()
		}
		if delta > uint64(len(typ.Field)-1-n) {
			d.fail()
			return false
		}
		n += int(delta)
		var field reflect.Value
		if dst.IsValid() {
			field = dst.FieldByName(typ.Field[n].Name)
		}
		d.value(typ.Field[n].ID, field)
	}
}

// list reads a slice or an array into a slice, without the elements that can't be had.
func (d *gobDecoder) list(elem int, dst reflect.Value) bool {
	n := d.Uint()
	if n > uint64(len(d.Rest)) { // each has a byte at least
		d.fail()
		return false
	}
	if !dst.IsValid() || dst.Kind() != reflect.Slice {
		for range n {
			d.value(elem, reflect.Value{})
		}
		return false
	}
	elements := reflect.MakeSlice(dst.Type(), 0, 0)
	for range n {
		element := reflect.New(dst.Type().Elem()).Elem()
		if d.value(elem, element) {
			elements = reflect.Append(elements, element)
		}
	}
	if d.Failed || n > 0 && elements.Len() == 0 {
		return false
	}
	dst.Set(elements)
	return true
}

// dictionary reads a map, without the entries that can't be had.
func (d *gobDecoder) dictionary(typ *gobMap, dst reflect.Value) bool {
	n := d.Uint()
	if n > uint64(len(d.Rest)) {
		d.fail()
		return false
	}
	var entries, key, value reflect.Value
	if dst.IsValid() && dst.Kind() == reflect.Map {
		entries = reflect.MakeMap(dst.Type())
	}
	for range n {
		if entries.IsValid() {
			key, value = reflect.New(dst.Type().Key()).Elem(), reflect.New(dst.Type().Elem()).Elem()
		}
		hasKey, hasValue := d.value(typ.Key, key), d.value(typ.Elem, value)
		if hasKey && hasValue {
			entries.SetMapIndex(key, value)
		}
	}
	if d.Failed || !entries.IsValid() {
		return false
	}
	dst.Set(entries)
	return true
}

// skipInterface reads an interface: the name of the type, unless it is nil, what that is made
// of, unless that is known, the type, and the value after its length.
func (d *gobDecoder) skipInterface() {
	if len(d.Bytes(d.Uint())) == 0 {
		return
	}
	for id := d.Int(); id < 0 && !d.Failed; id = d.Int() {
		d.define(-id)
		d.Uint() // the length of what follows
	}
	d.Bytes(d.Uint())
}

// setBytes sets an address, as a list of bytes, in which older agents write one.
func setBytes(dst reflect.Value, content []byte) bool {
	if !dst.IsValid() || dst.Type() != reflect.TypeFor[netip.Addr]() {
		return false
	}
	addr, ok := netip.AddrFromSlice(content)
	if ok {
		dst.Set(reflect.ValueOf(addr.Unmap()))
	}
	return ok
}

func unmarshaler(dst reflect.Value) (u encoding.BinaryUnmarshaler, ok bool) {
	if !dst.IsValid() {
		return nil, false
	}
	u, ok = dst.Addr().Interface().(encoding.BinaryUnmarshaler)
	return u, ok
}
