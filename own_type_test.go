// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"bytes"
	"encoding/binary"

	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// flowLogLen is the length of what comes before the packet:
//
//	struct flow_log {
//		NOTIFY_CAPTURE_HDR	// 16 bytes
//		__u32 ifindex;
//		char process[16];
//	};
const flowLogLen = api.CaptureHeaderLen + 4 + 16

// flowLog is the message type of these samples.
var flowLog = &format.Type{
	Number: 101,
	Name:   "flow-log",
	Decode: func(s *format.Sample) error {
		var h api.CaptureHeader
		if err := h.Decode(s.Data); err != nil {
			return err
		}
		if err := s.RequireLen(flowLogLen); err != nil {
			return err
		}
		s.Ifindex = binary.NativeEndian.Uint32(s.Data[api.CaptureHeaderLen:])
		return s.SetPacket(flowLogLen, int(h.CapLen), h.OrigLen)
	},
	Line: func(l *format.Line, s *format.Sample) {
		l.Text("flow of ")
		l.Text(process(s))
		l.Text(" on ")
		l.Interface(s.Ifindex)
	},
	JSON: func(o *format.Object, s *format.Sample) {
		o.String("process", process(s))
		o.Uint("ifindex", uint64(s.Ifindex))
	},
	Kind: process,
}

func process(s *format.Sample) string {
	name, _, _ := bytes.Cut(s.Data[api.CaptureHeaderLen+4:flowLogLen], []byte{0})
	return string(name)
}

// ownDatapath tells the monitor what our datapath says that Cilium's does not.
var ownDatapath = cell.Provide(func() monitor.VocabularyOut {
	return monitor.VocabularyOut{Vocabulary: format.Vocabulary{
		Types:       []*format.Type{flowLog},
		DropReasons: map[uint8]string{8: "No ticket"},
		SourceFiles: map[uint8]string{1: "gate.c"},
	}}
})
