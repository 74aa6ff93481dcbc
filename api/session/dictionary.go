// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cilium/monitor/api/recording"
)

// Dictionary is what numbers in events stand for where these come from. The same struct tells changes of it: of the
// maps, then, what is new or other than before, and "" for what is gone.
type Dictionary struct {
	recording.Names

	// AlternativeNames are further names of the interfaces, by their index.
	AlternativeNames map[uint32][]string `json:"alternativeNames,omitempty"`

	// DenyRules are the texts of the deny rules of the datapath. A policy verdict has the number of the rule,
	// from 1, as its cookie. As a change nil is none, and an empty list says that there are no rules any more.
	DenyRules []string `json:"denyRules,omitzero"`
}

// Update applies changes. It shares the memory of slices in them.
//
// The error wraps [ErrCorrupt]: there is more than [MaxDictionarySize] allows. The dictionary must not be used any
// more then.
func (d *Dictionary) Update(changes *Dictionary) error {
	if changes.Node != "" {
		d.Node = changes.Node
	}
	update(&d.MessageTypes, changes.MessageTypes)
	update(&d.DropReasons, changes.DropReasons)
	update(&d.SourceFiles, changes.SourceFiles)
	update(&d.Interfaces, changes.Interfaces)
	for index, names := range changes.AlternativeNames {
		if d.AlternativeNames == nil {
			d.AlternativeNames = make(map[uint32][]string)
		}
		d.AlternativeNames[index] = names
	}
	maps.DeleteFunc(d.AlternativeNames, func(index uint32, names []string) bool {
		return len(names) == 0 || d.Interfaces[index] == ""
	})
	if changes.DenyRules != nil {
		d.DenyRules = changes.DenyRules
	}
	if size := d.size(); size > MaxDictionarySize {
		return fmt.Errorf("%w: a dictionary of %d bytes", ErrCorrupt, size)
	}
	return nil
}

// update changes names. Those that are "" are gone.
func update[K comparable](names *map[K]string, changes map[K]string) {
	for number, name := range changes {
		switch {
		case name == "":
			delete(*names, number)
			continue
		case *names == nil:
			*names = make(map[K]string)
		}
		(*names)[number] = name
	}
}

// Since returns what has changed since old: what [Dictionary.Update] makes d of old with. changed is false if nothing has.
func (d *Dictionary) Since(old *Dictionary) (changes Dictionary, changed bool) {
	if d.Node != old.Node {
		changes.Node = d.Node
	}
	same := func(a, b string) bool { return a == b }
	changes.MessageTypes = since(d.MessageTypes, old.MessageTypes, same)
	changes.DropReasons = since(d.DropReasons, old.DropReasons, same)
	changes.SourceFiles = since(d.SourceFiles, old.SourceFiles, same)
	changes.Interfaces = since(d.Interfaces, old.Interfaces, same)
	changes.AlternativeNames = since(d.AlternativeNames, old.AlternativeNames, slices.Equal[[]string])
	if !slices.Equal(d.DenyRules, old.DenyRules) {
		changes.DenyRules = append([]string{}, d.DenyRules...)
	}
	changed = changes.Node != "" || changes.DenyRules != nil || len(changes.MessageTypes)+len(changes.DropReasons)+
		len(changes.SourceFiles)+len(changes.Interfaces)+len(changes.AlternativeNames) > 0
	return changes, changed
}

// since returns what is other in names than in old, and the zero value for what is not in names.
func since[K comparable, V any](names, old map[K]V, same func(a, b V) bool) map[K]V {
	changes := make(map[K]V)
	for number, name := range names {
		if before, ok := old[number]; !ok || !same(name, before) {
			changes[number] = name
		}
	}
	for number := range old {
		if _, ok := names[number]; !ok {
			var gone V
			changes[number] = gone
		}
	}
	return changes
}

// size is what MaxDictionarySize bounds.
func (d *Dictionary) size() int {
	size := textSize(d.Node)
	for _, names := range []map[uint8]string{d.MessageTypes, d.DropReasons, d.SourceFiles} {
		for _, name := range names {
			size += textSize(name)
		}
	}
	for _, name := range d.Interfaces {
		size += textSize(name)
	}
	for _, names := range d.AlternativeNames {
		for _, name := range names {
			size += textSize(name)
		}
	}
	for _, rule := range d.DenyRules {
		size += textSize(rule)
	}
	return size
}

func textSize(text string) int { return 16 + len(text) }

// AppendDictionary appends the frame of changes, as [Dictionary.Since] returns them.
//
// The error is about one that is larger than [MaxDictionarySize], which then is not appended.
func AppendDictionary(dst []byte, changes *Dictionary) ([]byte, error) {
	dst, err := appendJSON(dst, KindDictionary, MaxDictionarySize, changes)
	if err != nil {
		return dst, fmt.Errorf("encode changes of the dictionary: %w", err)
	}
	return dst, nil
}

// DecodeDictionary decodes the body of changes. The error wraps [ErrCorrupt].
func DecodeDictionary(body []byte) (*Dictionary, error) {
	changes := &Dictionary{}
	if err := decodeJSON("a dictionary", body, MaxDictionarySize, changes); err != nil {
		return nil, err
	}
	return changes, nil
}
