// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strconv"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// sample returns a payload of an event of CPU 1.
func sample(data []byte) *payload.Payload {
	return &payload.Payload{Type: payload.EventSample, CPU: 1, Data: data}
}

func lost(n uint64, cpu int) *payload.Payload {
	return &payload.Payload{Type: payload.RecordLost, CPU: cpu, Lost: n}
}

// rateLimited returns a loss of events that the datapath did not make.
func rateLimited(n uint64, typ uint8) *payload.Payload {
	pl := payload.NewRateLimited(n, typ)
	return &pl
}

// drop returns a drop of packet, changed by the functions.
func drop(packet []byte, change ...func(*api.DropNotify)) *payload.Payload {
	n := api.DropNotify{
		Type: api.MessageTypeDrop, SubType: 133, Source: 12, Hash: 0x1234abcd,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)), Version: 3,
		SrcLabel: 4711, DstLabel: api.IdentityWorld, DstID: 7, Line: 42, File: 2, Ifindex: 2,
	}
	for _, f := range change {
		f(&n)
	}
	return sample(append(n.Append(nil), packet...))
}

// trace returns a trace of packet, changed by the functions.
func trace(packet []byte, change ...func(*api.TraceNotify)) *payload.Payload {
	n := api.TraceNotify{
		Type: api.MessageTypeTrace, ObsPoint: api.TraceToLxc, Source: 12, Hash: 0x1234abcd,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)), Version: 2,
		SrcLabel: api.IdentityHost, DstLabel: 4711, DstID: 7, Reason: api.TraceReasonCtEstablished, Ifindex: 2,
		OrigIP: [16]byte{1, 2, 3, 4},
	}
	for _, f := range change {
		f(&n)
	}
	return sample(append(n.Append(nil), packet...))
}

// verdict returns a policy verdict on packet, changed by the functions.
func verdict(packet []byte, change ...func(*api.PolicyVerdictNotify)) *payload.Payload {
	n := api.PolicyVerdictNotify{
		Type: api.MessageTypePolicyVerdict, Source: 12, Hash: 0x1234abcd,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
		RemoteLabel: api.IdentityWorld, Verdict: -133, DstPort: 80, Proto: ipTCP, Flags: api.PolicyIngress, Cookie: 0xc0,
	}
	for _, f := range change {
		f(&n)
	}
	return sample(append(n.Append(nil), packet...))
}

func capture(subType uint8, arg1 uint32, packet []byte) *payload.Payload {
	n := api.DebugCapture{
		Type: api.MessageTypeCapture, SubType: subType, Source: 12, Hash: 0x1234abcd,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)), Arg1: arg1,
	}
	return sample(append(n.Append(nil), packet...))
}

func debug(subType uint8, arg1, arg2, arg3 uint32) *payload.Payload {
	n := api.DebugMsg{Type: api.MessageTypeDebug, SubType: subType, Source: 12, Hash: 0x1234abcd, Arg1: arg1, Arg2: arg2, Arg3: arg3}
	return sample(n.Append(nil))
}

func traceSock(change ...func(*api.TraceSockNotify)) *payload.Payload {
	n := api.TraceSockNotify{
		Type: api.MessageTypeTraceSock, XlatePoint: api.XlatePointPreFwd, L4Proto: api.TraceSockTCP,
		DstPort: 443, SockCookie: 0xc00c1e, CgroupID: 4660, DstIP: [16]byte{10, 96, 0, 1},
	}
	for _, f := range change {
		f(&n)
	}
	return sample(n.Append(nil))
}

// kernelDrop returns a drop of packet by the kernel, changed by the functions.
func kernelDrop(packet []byte, change ...func(*api.KernelDropNotify)) *payload.Payload {
	n := api.KernelDropNotify{
		Type: api.MessageTypeKernelDrop, Direction: api.KernelDropIngress, Hash: 0x1234abcd,
		OrigLen: uint32(len(packet)), CapLen: uint16(len(packet)),
		Reason: 3, Ifindex: 2, NetNS: 4026531840, Offset: 0x4bc, Protocol: etherIPv4,
		Device: "eth0", ReasonName: "NO_SOCKET", Function: "__udp4_lib_rcv",
	}
	for _, f := range change {
		f(&n)
	}
	return sample(append(n.Append(nil), packet...))
}

func agent(typ api.AgentNotification, text string) *payload.Payload {
	n := api.AgentNotify{Type: typ, Text: text}
	return sample(n.Append(nil))
}

// interfaceName is the host's names in tests: 2 is eth0, others have none.
func interfaceName(ifindex uint32) string {
	if ifindex == 2 {
		return "eth0"
	}
	return strconv.Itoa(int(ifindex))
}

// print returns what is printed of payloads.
func print(opts format.Options, payloads ...*payload.Payload) string {
	return printOn(interfaceName, opts, payloads...)
}

// printOn returns what is printed of payloads on a host that has these interfaces.
func printOn(interfaceName func(uint32) string, opts format.Options, payloads ...*payload.Payload) string {
	f := format.New(opts)
	ev := format.NewEvent(interfaceName)
	var out []byte
	for _, pl := range payloads {
		ev.Decode(pl)
		out = f.Append(out, ev)
	}
	return string(out)
}
