// SPDX-License-Identifier: Apache-2.0

package interest_test

import (
	"math"
	"net/netip"
	"testing"

	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
)

// BenchmarkIndex asks 16 interests in one port each of a packet of another one.
func BenchmarkIndex(b *testing.B) {
	var interests []interest.Interest
	for n := range uint16(16) {
		interests = append(interests, interest.Interest{Packets: []session.PacketRule{port(1000+n, 1000+n)}})
	}
	sample := trace(tcp(b))
	x := interest.NewIndex(interests)
	var e interest.Event
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(sample)
		x.Wants(&e, 1<<16-1)
	}
}

// BenchmarkNetworks asks for packets of 64 networks of which none is that of the packet, in as many interests.
func BenchmarkNetworks(b *testing.B) {
	var interests []interest.Interest
	for n := range byte(64) {
		network := netip.PrefixFrom(netip.AddrFrom4([4]byte{1, n, 0, 0}), 16)
		interests = append(interests, interest.Interest{Packets: []session.PacketRule{{CIDRs: []netip.Prefix{network}}}})
	}
	sample := trace(tcp(b))
	x := interest.NewIndex(interests)
	var e interest.Event
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(sample)
		x.Wants(&e, math.MaxUint64)
	}
}
