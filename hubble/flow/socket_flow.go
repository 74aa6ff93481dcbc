// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"net/netip"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// socketFlow makes the flow of a translation of a socket's address.
func (d *Decoder) socketFlow(s *scratch, e agent.Event) proto.Message {
	n := &s.event.Sock
	b := new(block)
	f := d.begin(b, e)
	s.text.uuid(&f.Uuid, uuidOf(e))
	f.Type = flowpb.FlowType_SOCK
	f.Verdict = s.event.Verdict()
	b.eventType.Type, b.eventType.SubType = api.MessageTypeTraceSock, int32(n.XlatePoint)

	src, dst := netip.AddrPortFrom(d.addrOfCgroup(n), 0), netip.AddrPortFrom(n.Addr(), n.DstPort)
	if s.event.OnWayBack() {
		src, dst = dst, src
	}
	d.endpoint(&b.source, src.Addr(), 0)
	d.endpoint(&b.destination, dst.Addr(), 0)

	b.ip.IpVersion = s.event.IPVersion()
	if src.Addr().IsValid() {
		s.text.addr(&b.ip.Source, src.Addr())
	}
	if dst.Addr().IsValid() {
		s.text.addr(&b.ip.Destination, dst.Addr())
	}
	s.text.set()
	f.IP = &b.ip
	f.Summary = "Unknown"
	switch n.L4Proto {
	case api.TraceSockTCP:
		f.Summary = "TCP"
		f.L4 = tcpPorts(src.Port(), dst.Port())
	case api.TraceSockUDP:
		f.Summary = "UDP"
		f.L4 = udpPorts(src.Port(), dst.Port())
	}

	d.names(f, src.Addr(), dst.Addr())
	d.services(f, src, dst)
	f.SockXlatePoint = flowpb.SocketTranslationPoint(n.XlatePoint)
	f.SocketCookie, f.CgroupId = n.SockCookie, n.CgroupID
	return f
}

func tcpPorts(src, dst uint16) *flowpb.Layer4 {
	return &flowpb.Layer4{Protocol: &flowpb.Layer4_TCP{TCP: &flowpb.TCP{SourcePort: uint32(src), DestinationPort: uint32(dst)}}}
}

func udpPorts(src, dst uint16) *flowpb.Layer4 {
	return &flowpb.Layer4{Protocol: &flowpb.Layer4_UDP{UDP: &flowpb.UDP{SourcePort: uint32(src), DestinationPort: uint32(dst)}}}
}

// addrOfCgroup returns the address of who asked for a translation, of its IP version.
func (d *Decoder) addrOfCgroup(n *api.TraceSockNotify) netip.Addr {
	if d.opts.Getters.Cgroups == nil {
		return netip.Addr{}
	}
	for _, addr := range d.opts.Getters.Cgroups.AddrsOfCgroup(n.CgroupID) {
		if addr.Is6() == n.IsIPv6() {
			return addr
		}
	}
	return netip.Addr{}
}
