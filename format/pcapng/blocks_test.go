// SPDX-License-Identifier: Apache-2.0

package pcapng_test

import (
	"encoding/binary"
	"testing"
	"unicode/utf8"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
)

// Types of blocks and codes of options, see https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 6

	optionEnd        = 0
	optionComment    = 1
	optionName       = 2
	optionResolution = 9
)

// strictPacket is a packet as readStrictly reads it.
type strictPacket struct {
	iface    strictInterface
	time     uint64
	length   int
	data     []byte
	comments []string
}

type strictInterface struct {
	name       string
	linkType   layers.LinkType
	snapLength int
}

// readStrictly reads a capture file, all of whose bytes have to be as they must: lengths at both ends
// of a block, padding with zeros, options that end where the block does, UTF-8, and no packet
// that is longer than it was or than the snap length.
func readStrictly(t *testing.T, file []byte) (packets []strictPacket, interfaces []strictInterface) {
	t.Helper()
	require.GreaterOrEqual(t, len(file), 28)
	for n := 0; len(file) > 0; n++ {
		b := nextBlock(t, &file)
		require.Equal(t, n == 0, b.typ == blockSection, "a section begins a file")
		switch b.typ {
		case blockSection:
			require.EqualValues(t, 0x1a2b3c4d, b.uint32(), "byte-order magic")
			require.EqualValues(t, 1, b.uint32(), "version 1.0")
			require.EqualValues(t, ^uint64(0), b.uint64(), "length of the section")
			b.options()
		case blockInterface:
			i := strictInterface{linkType: layers.LinkType(b.uint32()), snapLength: int(b.uint32())}
			options := b.options()
			require.Equal(t, []string{"\x09"}, options[optionResolution])
			require.LessOrEqual(t, len(options[optionName]), 1)
			for _, name := range options[optionName] {
				i.name = name
			}
			interfaces = append(interfaces, i)
		case blockPacket:
			index := int(b.uint32())
			require.Less(t, index, len(interfaces))
			p := strictPacket{iface: interfaces[index]}
			p.time = uint64(b.uint32())<<32 | uint64(b.uint32())
			captured := int(b.uint32())
			p.length = int(b.uint32())
			require.LessOrEqual(t, captured, p.length)
			if p.iface.snapLength != 0 {
				require.LessOrEqual(t, captured, p.iface.snapLength)
			}
			p.data = b.padded(captured)
			p.comments = b.options()[optionComment]
			packets = append(packets, p)
		default:
			require.Fail(t, "unknown block", "type %d", b.typ)
		}
		require.Empty(t, b.rest)
	}
	return packets, interfaces
}

// block is one of a capture file.
type block struct {
	t    *testing.T
	typ  uint32
	rest []byte // of its body
}

func nextBlock(t *testing.T, file *[]byte) *block {
	t.Helper()
	b := *file
	require.GreaterOrEqual(t, len(b), 12)
	length := binary.LittleEndian.Uint32(b[4:])
	require.GreaterOrEqual(t, length, uint32(12))
	require.Zero(t, length%4)
	require.LessOrEqual(t, uint64(length), uint64(len(b)), "the file ends in a block")
	require.Equal(t, length, binary.LittleEndian.Uint32(b[length-4:]), "length at the end")
	*file = b[length:]
	return &block{t: t, typ: binary.LittleEndian.Uint32(b), rest: b[8 : length-4]}
}

func (b *block) bytes(n int) []byte {
	require.LessOrEqual(b.t, n, len(b.rest), "the block is too short")
	head := b.rest[:n]
	b.rest = b.rest[n:]
	return head
}

func (b *block) uint16() uint16 { return binary.LittleEndian.Uint16(b.bytes(2)) }
func (b *block) uint32() uint32 { return binary.LittleEndian.Uint32(b.bytes(4)) }
func (b *block) uint64() uint64 { return binary.LittleEndian.Uint64(b.bytes(8)) }

// padded returns n bytes that zeros follow up to the next 4.
func (b *block) padded(n int) []byte {
	data := b.bytes(n)
	for _, c := range b.bytes(-n & 3) {
		require.Zero(b.t, c, "padding")
	}
	return data
}

// options returns the values of the options that are the rest of the block.
func (b *block) options() map[uint16][]string {
	values := map[uint16][]string{}
	for len(b.rest) > 0 {
		code, n := b.uint16(), int(b.uint16())
		if code == optionEnd {
			require.Zero(b.t, n)
			return values
		}
		value := string(b.padded(n))
		require.NotEmpty(b.t, value)
		require.True(b.t, utf8.ValidString(value), "%q", value)
		values[code] = append(values[code], value)
	}
	require.Empty(b.t, values, "options without an end")
	return values
}
