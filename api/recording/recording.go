// SPDX-License-Identifier: Apache-2.0

// Package recording has the files that events are kept in, with their times and with what is
// needed to read them on another machine: the name of the node, and the names of what is a
// number in an event.
//
// A recording is one section, or several one behind the other: cat makes one recording of two.
// A section begins with [Magic]; blocks follow, of which the first one is the header:
//
//	kind    1 byte
//	length  4 bytes, little-endian: of the body
//	body
//
// The body of a header (kind 'H') and of names (kind 'N') is a JSON object, see [Header] and
// [Names]. Names come in the header, and later on those that are new. The body of an event (kind 'E')
// is its time in nanoseconds since 1970, 8 bytes, little-endian, and then the value message
// of package payload, without any type information. Readers skip blocks of other kinds, and
// members that they do not know.
//
// [Reader] also reads what was recorded before there was such a format, and what an agent sends: a
// session of the monitor API 1.2. That has neither times nor names.
package recording

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/cilium/monitor/api/payload"
)

// Magic is what a section begins with. No session of the monitor API does. The last byte is the
// version of the format.
const Magic = magic + "\x01"

const magic = "\x89MONREC"

// Kinds of blocks.
const (
	kindHeader = 'H'
	kindNames  = 'N'
	kindEvent  = 'E'
)

const (
	headSize = 1 + 4 // of a block
	timeSize = 8
)

// maxBody is the size in bytes of the largest body that a [Reader] reads.
const maxBody = timeSize + payload.MaxOverhead + payload.MaxMessageSize

var (
	// ErrVersion is returned for a recording of a version that this package does not know.
	ErrVersion = errors.New("recorded by a newer version")

	// ErrByteOrder is returned for a recording whose samples have the byte order of another
	// machine. In a session of the monitor API it shows in the first event with a packet.
	ErrByteOrder = errors.New("recorded on a machine of the other byte order")
)

// Header is what a section begins with.
type Header struct {
	// ByteOrder is that of the samples: LittleEndian or BigEndian.
	ByteOrder string `json:"byteOrder"`

	// Begun is when the section was begun.
	Begun time.Time `json:"begun"`

	Names
}

// Names are what numbers in events stand for where these come from. Maps may be nil.
type Names struct {
	// Node is the name of the machine; it can be empty.
	Node string `json:"node,omitempty"`

	// Interfaces are the names of network interfaces by their index, AltNames the alternative ones of those
	// that have any.
	Interfaces map[uint32]string   `json:"interfaces,omitempty"`
	AltNames   map[uint32][]string `json:"altNames,omitempty"`

	// MessageTypes, DropReasons and SourceFiles are those of the datapath, see
	// [Vocabulary].
	MessageTypes map[uint8]string `json:"messageTypes,omitempty"`
	DropReasons  map[uint8]string `json:"dropReasons,omitempty"`
	SourceFiles  map[uint8]string `json:"sourceFiles,omitempty"`
}

// update takes what news has, and returns what of it is new.
func (n *Names) update(news Names) (changed Names) {
	if news.Node != "" && news.Node != n.Node {
		n.Node, changed.Node = news.Node, news.Node
	}
	changed.Interfaces = updateMap(&n.Interfaces, news.Interfaces, isSame)
	changed.AltNames = updateMap(&n.AltNames, news.AltNames, slices.Equal)
	changed.MessageTypes = updateMap(&n.MessageTypes, news.MessageTypes, isSame)
	changed.DropReasons = updateMap(&n.DropReasons, news.DropReasons, isSame)
	changed.SourceFiles = updateMap(&n.SourceFiles, news.SourceFiles, isSame)
	return changed
}

func isSame(a, b string) bool { return a == b }

func updateMap[K comparable, V any](names *map[K]V, news map[K]V, same func(a, b V) bool) (changed map[K]V) {
	for number, name := range news {
		if old, ok := (*names)[number]; ok && same(old, name) {
			continue
		}
		if changed == nil {
			changed = make(map[K]V)
		}
		changed[number] = name
	}
	if *names == nil {
		*names = make(map[K]V)
	}
	maps.Copy(*names, changed)
	return changed
}

func (n *Names) empty() bool {
	return n.Node == "" && len(n.Interfaces)+len(n.AltNames)+len(n.MessageTypes)+len(n.DropReasons)+len(n.SourceFiles) == 0
}
