// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"testing"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/bench/internal/printer"
	"github.com/cilium/monitor/bench/internal/recorded"
	"github.com/cilium/monitor/format"
)

// formatter is one side of the comparison.
type formatter struct {
	name string
	new  func(w io.Writer, opts format.Options) printer.Printer
}

var (
	ours   = formatter{"monitor", printer.Ours}
	cilium = formatter{"cilium", printer.Cilium}
)

// workload is what both sides print.
type workload struct {
	name     string
	opts     format.Options
	payloads []*payload.Payload
}

// workloads returns a trace alone and the recorded mix, in each output. Cilium has no compact one, so its
// lines stand beside it.
func workloads() ([]workload, error) {
	mix, err := recorded.Node()
	if err != nil {
		return nil, err
	}
	trace, err := firstSYN(mix)
	if err != nil {
		return nil, err
	}
	compact, lines, json := format.Options{}, format.Options{Output: format.OutputCilium}, format.Options{Output: format.OutputJSON}
	return []workload{
		{"compact/trace", compact, trace},
		{"compact/mix", compact, mix},
		{"line/trace", lines, trace},
		{"line/mix", lines, mix},
		{"JSON/trace", json, trace},
		{"JSON/mix", json, mix},
	}, nil
}

// firstSYN returns the first trace of a TCP SYN over IPv4.
func firstSYN(mix []*payload.Payload) ([]*payload.Payload, error) {
	const ipProtocol, tcpFlags = 14 + 9, 14 + 20 + 13 // behind Ethernet and IPv4 without options
	var e api.Event
	for i, pl := range mix {
		if err := e.Decode(pl.Data); err != nil {
			return nil, err
		}
		p := e.Packet
		if e.Type == api.MessageTypeTrace && len(p) > tcpFlags && p[ipProtocol] == 6 && p[tcpFlags] == 0x02 {
			return mix[i : i+1], nil
		}
	}
	return nil, errors.New("no trace of a SYN in the recorded stream")
}

// run prints the payloads in turn, b.N in all.
func (w workload) run(b *testing.B, f formatter) {
	b.ReportAllocs()
	print := f.new(io.Discard, w.opts)
	for i := 0; b.Loop(); i++ {
		print(w.payloads[i%len(w.payloads)])
	}
}
