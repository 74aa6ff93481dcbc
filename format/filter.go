// SPDX-License-Identifier: Apache-2.0

package format

import (
	"slices"
	"strings"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// Filter says which events are wanted. The zero value wants all of them. It does
// not change, and is safe for concurrent use.
type Filter struct {
	// types is the criterion of --type, nil if there is none: it is the first to be
	// asked, since that is cheap.
	types *criterion

	// others are the criteria of the other flags.
	others []*criterion
}

// add adds a value that was given.
func (f *Filter) add(given givenValue, value filterValue) {
	value.text = given.text
	c := f.criterion(given.flag, given.scope)
	if given.not {
		c.none = append(c.none, value)
	} else {
		c.any = append(c.any, value)
	}
}

// criterion returns that of a flag in a scope.
func (f *Filter) criterion(flag *filterFlag, s scope) *criterion {
	if flag.name == "type" {
		if f.types == nil {
			f.types = &criterion{flag: flag}
		}
		return f.types
	}
	for _, c := range f.others {
		if c.flag == flag && c.scope == s {
			return c
		}
	}
	c := &criterion{flag: flag, scope: s}
	f.others = append(f.others, c)
	return c
}

// Match reports whether e is wanted. Lost events always are, unless they are known to be of a type that is not. So
// is a sample that cannot be decoded, unless its type is not: nobody knows whether it would be.
func (f *Filter) Match(e *Event) bool {
	if typ, ok := e.payload.RateLimited(); ok {
		return f.wantsType(int(typ))
	}
	if e.payload.Type != payload.EventSample || len(e.payload.Data) == 0 {
		return true // a loss, or something that has no message type
	}
	if f.types != nil && !f.types.match(e) {
		return false
	}
	if len(f.others) == 0 || e.Err() != nil {
		return true
	}
	for _, c := range f.others {
		if !c.match(e) {
			return false
		}
	}
	return true
}

// wantsType reports whether --type lets events of a type through.
func (f *Filter) wantsType(typ int) bool {
	if f.types == nil {
		return true
	}
	types := f.types.anyTypes()
	for _, v := range f.types.none {
		types = types.without(v.types)
	}
	return types.has(typ)
}

// Level returns the level to print with when level is asked for: a higher one if the
// filter names a type that level hides, because nothing would be printed of it.
func (f *Filter) Level(level Level) Level {
	if f.types == nil || len(f.types.any) == 0 {
		return level
	}
	named := f.types.anyTypes()
	for typ, d := range descriptors.Load() {
		if d != nil && named.has(typ) {
			level = max(level, d.level)
		}
	}
	return level
}

// MissingInterfaces returns the values of --interface, also those behind --not, that are
// neither name nor index of any of the interfaces. Patterns are for those that come later, too.
func (f *Filter) MissingInterfaces(interfaces []Interface) (missing []string) {
	for _, c := range ofFlag(f.others, "interface") {
		for _, v := range slices.Concat(c.any, c.none) {
			index, numeric := interfaceIndex(v.text)
			if !isPattern(v.text) && !slices.ContainsFunc(interfaces, func(i Interface) bool {
				return i.Name == v.text || slices.Contains(i.AltNames, v.text) || numeric && i.Index == index
			}) {
				missing = append(missing, v.text)
			}
		}
	}
	return missing
}

// criterion is what one flag asks for, of headers that are in its scope.
type criterion struct {
	flag  *filterFlag
	scope scope
	any   []filterValue // an event must have one of these, if there are any,
	none  []filterValue // and none of these
}

func (c *criterion) match(e *Event) bool {
	if c.flag.exempt != nil && c.flag.exempt(e.desc) {
		return true
	}
	for i := range c.none {
		if c.none[i].match(e) {
			return false
		}
	}
	for i := range c.any {
		if c.any[i].match(e) {
			return true
		}
	}
	return len(c.any) == 0
}

// anyTypes returns the message types that have one of the values in any; all types
// if that is empty.
func (c *criterion) anyTypes() typeSet {
	if len(c.any) == 0 {
		return everyType()
	}
	var types typeSet
	if c.flag.exempt != nil {
		types = typesWith(c.flag.exempt)
	}
	for i := range c.any {
		types = types.or(c.any[i].types)
	}
	return types
}

// String returns the flag with all its values.
func (c *criterion) String() string {
	return strings.TrimSpace(c.wanted() + " " + c.unwanted())
}

// wanted returns the flag with the values in any, "" if there are none.
func (c *criterion) wanted() string { return c.flagWith("", c.any) }

// unwanted returns the flag with the values in none, "" if there are none.
func (c *criterion) unwanted() string { return c.flagWith("--"+notFlag+" ", c.none) }

func (c *criterion) flagWith(prefix string, values []filterValue) string {
	if len(values) == 0 {
		return ""
	}
	if c.scope != anywhere {
		prefix += "--" + c.scope.flag() + " "
	}
	return prefix + "--" + c.flag.name + " " + joinValues(values)
}

func joinValues(values []filterValue) string {
	texts := make([]string, 0, len(values))
	for _, v := range values {
		texts = append(texts, v.text)
	}
	return strings.Join(texts, ",")
}

// filterValue is a value that a flag asks for.
type filterValue struct {
	text  string              // as it was given
	types typeSet             // the types of events that can have it
	match func(e *Event) bool // false for an event of any other type

	// key is what makes two values the same: a coverer, or something comparable.
	key any
}

// names returns the names of the message types, separated by commas.
func (s typeSet) names() string {
	var names []string
	for _, name := range api.MessageTypeNames() {
		if typ, err := api.ParseMessageType(name); err == nil && s.has(typ) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
