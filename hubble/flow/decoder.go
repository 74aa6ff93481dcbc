// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"math"
	"sync"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/hubble/internal/raw"
)

// Options are what a [Decoder] says of all flows.
type Options struct {
	// NodeName is the name of this node, as "CLUSTER/NODE".
	NodeName string

	// NodeLabels are the labels of this node, like "region=eu".
	NodeLabels []string

	// EmitterName and EmitterVersion are what flows are made by; "Hubble" if the name is empty, since clients may ask
	// for that.
	EmitterName, EmitterVersion string

	// Getters know what is not in an event.
	Getters Getters
}

// Decoder makes messages of events. It may be used by several goroutines at once.
type Decoder struct {
	opts     Options
	requests requests
	scratch  sync.Pool // of *scratch
}

// NewDecoder returns a decoder.
func NewDecoder(opts Options) *Decoder {
	if opts.EmitterName == "" {
		opts.EmitterName = "Hubble"
	}
	d := &Decoder{opts: opts}
	d.scratch.New = func() any { return newScratch(d) }
	return d
}

// scratch is what is needed to decode an event, and used again for the next.
type scratch struct {
	event raw.Event
	text  text
	debug debugText
}

func newScratch(d *Decoder) *scratch {
	s := new(scratch)
	s.debug = newDebugText(d.opts.Getters.Interfaces)
	return s
}

// Decode returns what Hubble's API has of an event: a [*flowpb.Flow], a [*flowpb.AgentEvent], a [*flowpb.DebugEvent] or a
// [*flowpb.LostEvent]; nil without an error for an event of a registered type, of which it has nothing. The error is of a
// sample that can't be decoded, an [*api.DecodeError].
func (d *Decoder) Decode(e agent.Event) (proto.Message, error) {
	if e.Type == payload.RecordLost {
		return lostEvent(e), nil
	}
	switch typ, err := api.MessageType(e.Data); {
	case err != nil:
		return nil, err
	case typ == api.MessageTypeAgent:
		return agentEvent(e.Data)
	case typ == api.MessageTypeAccessLog:
		return d.accessLog(e)
	}
	decode := datapath[e.Data[0]]
	if decode == nil {
		return nil, nil
	}
	s := d.scratch.Get().(*scratch)
	defer d.scratch.Put(s)
	if err := s.event.Decode(e.Data); err != nil {
		return nil, err
	}
	return decode(d, s, e), nil
}

// datapath makes the messages of the datapath's events by type. s.event is decoded.
var datapath = [math.MaxUint8 + 1]func(d *Decoder, s *scratch, e agent.Event) proto.Message{
	api.MessageTypeDrop:          (*Decoder).packetFlow,
	api.MessageTypeKernelDrop:    (*Decoder).packetFlow,
	api.MessageTypeTrace:         (*Decoder).packetFlow,
	api.MessageTypePolicyVerdict: (*Decoder).packetFlow,
	api.MessageTypeCapture:       (*Decoder).packetFlow,
	api.MessageTypeTraceSock:     (*Decoder).socketFlow,
	api.MessageTypeDebug:         (*Decoder).debugEvent,
}

// begin sets what all flows have, but for their text.
func (d *Decoder) begin(b *block, e agent.Event) *flowpb.Flow {
	b.time.Seconds, b.time.Nanos = e.Time.Unix(), int32(e.Time.Nanosecond())
	b.emitter.Name, b.emitter.Version = d.opts.EmitterName, d.opts.EmitterVersion
	f := &b.flow
	f.Time, f.Emitter, f.EventType = &b.time, &b.emitter, &b.eventType
	f.Source, f.Destination = &b.source, &b.destination
	f.NodeName, f.NodeLabels = d.opts.NodeName, d.opts.NodeLabels
	return f
}

// NodeName returns the name of this node that flows have.
func (d *Decoder) NodeName() string { return d.opts.NodeName }
