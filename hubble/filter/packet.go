// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/hubble/internal/raw"
)

// addPorts adds what is asked of ports, as decimal numbers.
func addPorts(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetSourcePort()) > 0 {
		wanted, err := parsePorts(ff.GetSourcePort())
		if err != nil {
			return fmt.Errorf("invalid source port filter: %w", err)
		}
		o.need(func(f *flowpb.Flow) bool {
			src, _, ok := portsOf(f.GetL4())
			return ok && wanted(src)
		})
		o.needRaw(func(e *raw.Event) bool {
			src, _, ok := e.Ports()
			return ok && wanted(src)
		})
	}
	if len(ff.GetDestinationPort()) > 0 {
		wanted, err := parsePorts(ff.GetDestinationPort())
		if err != nil {
			return fmt.Errorf("invalid destination port filter: %w", err)
		}
		o.need(func(f *flowpb.Flow) bool {
			_, dst, ok := portsOf(f.GetL4())
			return ok && wanted(dst)
		})
		o.needRaw(func(e *raw.Event) bool {
			_, dst, ok := e.Ports()
			return ok && wanted(dst)
		})
	}
	return nil
}

func parsePorts(texts []string) (wanted func(uint16) bool, err error) {
	ports := make([]uint16, 0, len(texts))
	for _, text := range texts {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("port %q is not a number from 0 to 65535", text)
		}
		ports = append(ports, uint16(port))
	}
	return oneOf(ports), nil
}

// portsOf returns the ports of a flow. ok is false if its protocol has none.
func portsOf(l4 *flowpb.Layer4) (src, dst uint16, ok bool) {
	switch p := l4.GetProtocol().(type) {
	case *flowpb.Layer4_TCP:
		return uint16(p.TCP.GetSourcePort()), uint16(p.TCP.GetDestinationPort()), p.TCP != nil
	case *flowpb.Layer4_UDP:
		return uint16(p.UDP.GetSourcePort()), uint16(p.UDP.GetDestinationPort()), p.UDP != nil
	case *flowpb.Layer4_SCTP:
		return uint16(p.SCTP.GetSourcePort()), uint16(p.SCTP.GetDestinationPort()), p.SCTP != nil
	default:
		return 0, 0, false
	}
}

// transports has the protocols of layer 4 by name.
var transports = map[string][]raw.Layer{
	"icmp":   {raw.LayerICMPv4, raw.LayerICMPv6},
	"icmpv4": {raw.LayerICMPv4},
	"icmpv6": {raw.LayerICMPv6},
	"tcp":    {raw.LayerTCP},
	"udp":    {raw.LayerUDP},
	"sctp":   {raw.LayerSCTP},
	"vrrp":   {raw.LayerVRRP},
	"igmp":   {raw.LayerIGMP},
}

// addProtocols adds what is asked of the protocol, of layer 4 or 7.
func addProtocols(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetProtocol()) == 0 {
		return nil
	}
	var wanted []raw.Layer
	var dns, http bool
	for _, name := range ff.GetProtocol() {
		switch layers, ok := transports[strings.ToLower(name)]; {
		case ok:
			wanted = append(wanted, layers...)
		case strings.EqualFold(name, "dns"):
			dns = true
		case strings.EqualFold(name, "http"):
			http = true
		default:
			return fmt.Errorf("invalid protocol filter: unknown protocol: %q", name)
		}
	}
	o.need(func(f *flowpb.Flow) bool {
		l7 := f.GetL7()
		return slices.Contains(wanted, transportOf(f.GetL4())) || dns && l7.GetDns() != nil || http && l7.GetHttp() != nil
	})
	o.needRaw(func(e *raw.Event) bool { return slices.Contains(wanted, e.Transport()) })
	if len(wanted) == 0 {
		o.types.only(accessLogType)
	}
	return nil
}

// transportOf returns the protocol of a flow, LayerNone if it has none.
func transportOf(l4 *flowpb.Layer4) raw.Layer {
	switch l4.GetProtocol().(type) {
	case *flowpb.Layer4_TCP:
		return raw.LayerTCP
	case *flowpb.Layer4_UDP:
		return raw.LayerUDP
	case *flowpb.Layer4_SCTP:
		return raw.LayerSCTP
	case *flowpb.Layer4_ICMPv4:
		return raw.LayerICMPv4
	case *flowpb.Layer4_ICMPv6:
		return raw.LayerICMPv6
	case *flowpb.Layer4_VRRP:
		return raw.LayerVRRP
	case *flowpb.Layer4_IGMP:
		return raw.LayerIGMP
	default:
		return raw.LayerNone
	}
}

// addTCPFlags adds what is asked of the flags of TCP: all of any of the sets are there.
func addTCPFlags(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetTcpFlags()) == 0 {
		return nil
	}
	var wanted []uint16
	for _, flags := range ff.GetTcpFlags() {
		wanted = append(wanted, tcpFlagBits(flags))
	}
	hasAny := func(bits uint16) bool {
		return slices.ContainsFunc(wanted, func(set uint16) bool { return bits&set == set })
	}
	o.types.only(packetTypes)
	o.need(func(f *flowpb.Flow) bool {
		flags := f.GetL4().GetTCP().GetFlags()
		return flags != nil && hasAny(tcpFlagBits(flags))
	})
	o.needRaw(func(e *raw.Event) bool {
		bits, ok := e.Packet.TCPFlags()
		return ok && hasAny(bits)
	})
	return nil
}

// tcpFlagBits returns flags as a packet has them.
func tcpFlagBits(m *flowpb.TCPFlags) (bits uint16) {
	for i, set := range [...]bool{
		m.GetFIN(), m.GetSYN(), m.GetRST(), m.GetPSH(), m.GetACK(), m.GetURG(), m.GetECE(), m.GetCWR(), m.GetNS(),
	} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}

// addAddresses adds what is asked of addresses of IP, and of its version.
func addAddresses(o *one, ff *flowpb.FlowFilter) error {
	for _, side := range []struct {
		wanted []string
		of     func(*flowpb.IP) string
		ofRaw  func(*raw.Event) netip.Addr
	}{
		{ff.GetSourceIp(), (*flowpb.IP).GetSource, (*raw.Event).Source},
		{ff.GetDestinationIp(), (*flowpb.IP).GetDestination, (*raw.Event).Destination},
		{ff.GetSourceIpXlated(), (*flowpb.IP).GetSourceXlated, (*raw.Event).SourceXlated},
	} {
		if len(side.wanted) == 0 {
			continue
		}
		wanted, err := parseAddresses(side.wanted)
		if err != nil {
			return err
		}
		o.need(func(f *flowpb.Flow) bool { return wanted.hasText(side.of(f.GetIP())) })
		o.needRaw(func(e *raw.Event) bool {
			return e.SocketOnly() || wanted.has(side.ofRaw(e))
		})
	}
	if len(ff.GetIpVersion()) > 0 {
		wanted := oneOf(ff.GetIpVersion())
		o.need(func(f *flowpb.Flow) bool { return wanted(f.GetIP().GetIpVersion()) })
		o.needRaw(func(e *raw.Event) bool { return wanted(e.IPVersion()) })
	}
	return nil
}

// addressSet is a set of addresses and of networks.
type addressSet struct {
	texts    []string
	addrs    []netip.Addr
	networks []netip.Prefix
}

func parseAddresses(texts []string) (*addressSet, error) {
	s := new(addressSet)
	for _, text := range texts {
		if strings.Contains(text, "/") {
			network, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, fmt.Errorf("invalid IP prefix %q in filter: %w", text, err)
			}
			s.networks = append(s.networks, network)
			continue
		}
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("invalid IP address %q in filter: %w", text, err)
		}
		addr = addr.Unmap()
		s.addrs = append(s.addrs, addr)
		s.texts = append(s.texts, addr.String())
	}
	return s, nil
}

// hasText tells whether an address of a flow is in s.
func (s *addressSet) hasText(text string) bool {
	switch {
	case text == "":
		return false
	case slices.Contains(s.texts, text):
		return true
	case len(s.networks) == 0:
		return false
	}
	addr, err := netip.ParseAddr(text)
	return err == nil && s.contains(addr)
}

func (s *addressSet) has(addr netip.Addr) bool {
	return slices.Contains(s.addrs, addr) || s.contains(addr)
}

func (s *addressSet) contains(addr netip.Addr) bool {
	return slices.ContainsFunc(s.networks, func(network netip.Prefix) bool { return network.Contains(addr) })
}
