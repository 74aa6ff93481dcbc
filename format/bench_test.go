// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// mix is what a busy node sends: mostly traces, some drops and verdicts.
var mix = []*payload.Payload{
	trace(synPacket), trace(tcpPacket), trace(udpPacket), trace(tcp6Packet, func(n *api.TraceNotify) { n.Flags = api.FlagIPv6 }),
	trace(icmpPacket), trace(vxlanPacket, func(n *api.TraceNotify) { n.Flags = api.FlagVXLAN }),
	trace(tcpPacket), trace(tcpPacket), drop(synPacket), verdict(synPacket),
}

func benchmarkFormat(b *testing.B, opts format.Options, payloads ...*payload.Payload) {
	f := format.New(opts)
	ev := format.NewEvent(nil)
	var buf []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ev.Decode(payloads[i%len(payloads)])
		buf = f.Append(buf[:0], ev)
	}
}

func BenchmarkLineTrace(b *testing.B) { benchmarkFormat(b, format.Options{}, trace(synPacket)) }
func BenchmarkLineMix(b *testing.B)   { benchmarkFormat(b, format.Options{}, mix...) }
func BenchmarkVerboseTrace(b *testing.B) {
	benchmarkFormat(b, format.Options{Level: format.LevelVerbose}, trace(synPacket))
}
func BenchmarkJSONTrace(b *testing.B) {
	benchmarkFormat(b, format.Options{Output: format.OutputJSON}, trace(synPacket))
}
func BenchmarkJSONMix(b *testing.B) {
	benchmarkFormat(b, format.Options{Output: format.OutputJSON}, mix...)
}
func BenchmarkDecode(b *testing.B) {
	ev := format.NewEvent(nil)
	pl := trace(synPacket)
	b.ReportAllocs()
	for b.Loop() {
		ev.Decode(pl)
	}
}
