// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"bytes"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/format"
)

// debugEvent makes the event of a debug message of the datapath.
func (d *Decoder) debugEvent(s *scratch, e agent.Event) proto.Message {
	n := &s.event.Debug
	return &flowpb.DebugEvent{
		Type:    flowpb.DebugEventType(n.SubType),
		Source:  d.debugSource(n.Source),
		Hash:    wrapperspb.UInt32(n.Hash),
		Arg1:    wrapperspb.UInt32(n.Arg1),
		Arg2:    wrapperspb.UInt32(n.Arg2),
		Arg3:    wrapperspb.UInt32(n.Arg3),
		Cpu:     wrapperspb.Int32(int32(e.CPU)),
		Message: s.debug.of(e),
	}
}

// debugSource returns the endpoint of a debug message, nil if it is of none.
func (d *Decoder) debugSource(id uint16) *flowpb.Endpoint {
	if id == 0 {
		return nil
	}
	m := &flowpb.Endpoint{ID: uint32(id)}
	if d.opts.Getters.Endpoints != nil {
		if ep, ok := d.opts.Getters.Endpoints.EndpointByID(id); ok {
			ep.ID = uint32(id)
			ep.Workloads = nil
			setEndpoint(m, &ep)
		}
	}
	return m
}

// debugText has the texts of debug messages, in the words of Cilium. Not safe for concurrent use.
type debugText struct {
	event     *format.Event
	formatter *format.Formatter
	buf       []byte
}

func newDebugText(interfaces InterfaceGetter) debugText {
	name := func(ifindex uint32) string {
		if interfaces == nil {
			return ""
		}
		name, _ := interfaces.InterfaceName(ifindex)
		return name
	}
	return debugText{
		event:     format.NewEvent(name),
		formatter: format.New(format.Options{Output: format.OutputCilium, Level: format.LevelDebug}),
	}
}

// messageBegin is what is before the message in a line.
var messageBegin = []byte(" DEBUG: ")

// of returns the text of a debug message.
func (t *debugText) of(e agent.Event) string {
	t.event.Decode(e.Payload)
	t.buf = t.formatter.Append(t.buf[:0], t.event)
	_, message, _ := bytes.Cut(t.buf, messageBegin)
	return string(bytes.TrimSuffix(message, []byte("\n")))
}
