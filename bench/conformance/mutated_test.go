// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// mutations is how many packets are made of each.
const mutations = 100

// TestMutatedPackets checks that both sides take apart the same way what is not as it should be: packets
// with wrong bytes, cut short, of another kind than the flags say.
func TestMutatedPackets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	// What Cilium remembers of an earlier packet that a tunnel could have carried.
	forget := trace("", packet(t, ether4, ip4(layers.IPProtocolUDP), query), nil)
	for _, level := range []format.Level{format.LevelDefault, format.LevelVerbose} {
		c := compareIn(format.Options{Output: format.OutputCilium, Level: level})
		compared := 0
		for _, e := range slices.Concat(traces(t), packets(t), verdicts(t), captures(t)) {
			for range mutations {
				m := e
				pl := *e.payload
				pl.Data = mutated(random, pl.Data)
				m.payload = &pl
				c.print(forget.payload)
				d := c.print(m.payload)
				vrrp := bytes.Contains([]byte(d.ours.(string)), []byte("vrrp")) // of a tunnel Cilium shows that of an earlier packet
				if d.ours != d.cilium && !vrrp {
					t.Errorf("%s, %x\nours:   %q\nCilium: %q", e.name, pl.Data, d.ours, d.cilium)
				}
				compared++
			}
		}
		require.Greater(t, compared, 7000)
	}
}

// mutated returns a copy of a sample with another packet and other flags.
func mutated(random *rand.Rand, sample []byte) []byte {
	const capLen, flags = 12, 27 // flags of drop, trace and verdict; a byte of the packet in a capture
	var e api.Event
	if e.Decode(sample) != nil || len(e.Packet) == 0 {
		return sample
	}
	header := len(sample) - len(e.Packet)
	captured := len(e.Packet)
	if random.IntN(2) == 0 {
		captured = random.IntN(captured + 1)
	}
	sample = slices.Clone(sample[:header+captured])
	binary.NativeEndian.PutUint16(sample[capLen:], uint16(captured))
	if captured > 0 {
		for range random.IntN(4) {
			sample[header+random.IntN(captured)] = byte(random.Uint32())
		}
	}
	if header > flags && random.IntN(2) == 0 {
		sample[flags] = byte(random.Uint32())
	}
	return sample
}
