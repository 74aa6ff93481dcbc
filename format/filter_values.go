// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/internal/suggest"
)

// filterFlag is one of the flags that a filter is made of.
type filterFlag struct {
	name, shorthand string
	placeholder     string // of its value, in the help
	usage           string

	// whole says that a value can have commas in it. Otherwise they separate values.
	whole bool

	// exempt are the types that the flag does not apply to: they match whatever it
	// asks for.
	exempt typeSet

	// eitherSide is the flag that asks for the same of source or destination.
	eitherSide string

	parse func(text string) (filterValue, error)
}

const (
	typesWithPacket     = typeDrop | typeTrace | typeCapture | typePolicyVerdict
	typesWithConnection = typesWithPacket | typeTraceSock | typeAccessLog
)

// filterFlags has the flags in the order of the help.
var filterFlags = []*filterFlag{
	{
		name: "type", shorthand: "t", placeholder: "TYPE", parse: parseType,
		usage: "event type: " + strings.Join(api.MessageTypeNames(), ", "),
	},
	{
		name: "from", placeholder: "ID", exempt: typeTraceSock, eitherSide: "related-to", parse: endpointValue(isFrom, typeDrop|typeTrace|typeCapture|typeDebug|typePolicyVerdict|typeAccessLog),
		usage: "id of the endpoint that the traffic comes from",
	},
	{
		name: "to", placeholder: "ID", exempt: typeTraceSock, eitherSide: "related-to", parse: endpointValue(isTo, typeDrop|typeTrace|typePolicyVerdict|typeAccessLog),
		usage: "id of the endpoint that the traffic goes to",
	},
	{
		name: "related-to", placeholder: "ID", exempt: typeTraceSock, parse: endpointValue(isRelated, typeDrop|typeTrace|typeCapture|typeDebug|typePolicyVerdict|typeAccessLog),
		usage: "id of an endpoint on either side",
	},
	{
		name: "ip", placeholder: "IP", parse: ipValue(true, true),
		usage: "address or CIDR of source or destination; in a tunnel, of the inner packet",
	},
	{
		name: "src-ip", placeholder: "IP", eitherSide: "ip", parse: ipValue(true, false),
		usage: "address or CIDR of the source",
	},
	{
		name: "dst-ip", placeholder: "IP", eitherSide: "ip", parse: ipValue(false, true),
		usage: "address or CIDR of the destination",
	},
	{
		name: "port", placeholder: "PORT", parse: portValue(true, true),
		usage: "port of source or destination",
	},
	{
		name: "src-port", placeholder: "PORT", eitherSide: "port", parse: portValue(true, false),
		usage: "port of the source",
	},
	{
		name: "dst-port", placeholder: "PORT", eitherSide: "port", parse: portValue(false, true),
		usage: "port of the destination",
	},
	{
		name: "protocol", placeholder: "PROTO", parse: parseProtocol,
		usage: "IP protocol, by name (tcp, udp, icmp, icmpv6, sctp, ...) or number",
	},
	{
		name: "tcp-flags", placeholder: "FLAG", parse: parseTCPFlag,
		usage: "TCP flag that is set: SYN, ACK, RST, FIN, PSH, URG, ECE or CWR",
	},
	{
		name: "drop-reason", placeholder: "REASON", whole: true, parse: parseDropReason,
		usage: `reason of a drop, as text ("Policy denied") or number`,
	},
	{
		name: "identity", placeholder: "ID", parse: parseIdentity,
		usage: "security identity of source or destination, as number or reserved name",
	},
	{
		name: "verdict", placeholder: "VERDICT", parse: parseVerdict,
		usage: "verdict of policy-verdict and l7 events: allow, deny, redirect, audit or error",
	},
	{
		name: "interface", placeholder: "NAME", parse: parseInterface,
		usage: "network interface, by name or index",
	},
}

func parseType(text string) (filterValue, error) {
	typ, err := api.ParseMessageType(text)
	if err != nil {
		return filterValue{}, fmt.Errorf("%w%s", err, suggest.DidYouMean(text, api.MessageTypeNames()))
	}
	return filterValue{
		types: typeBit(typ),
		key:   typ,
		match: func(e *Event) bool { return e.Type() == typ },
	}, nil
}

func endpointValue(side func(e *Event, id uint64) bool, types typeSet) func(string) (filterValue, error) {
	return func(text string) (filterValue, error) {
		id, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return filterValue{}, fmt.Errorf("endpoint id %q is not a number from 0 to 65535", text)
		}
		return filterValue{types: types, key: id, match: func(e *Event) bool { return side(e, id) }}, nil
	}
}

// isFrom reports whether e is about traffic from the endpoint. The source of a
// datapath event is the local endpoint: for a policy verdict that is either side.
func isFrom(e *Event, id uint64) bool {
	switch e.sample.Type {
	case api.MessageTypeDrop:
		return uint64(e.sample.Drop.Source) == id
	case api.MessageTypeTrace:
		return uint64(e.sample.Trace.Source) == id
	case api.MessageTypeCapture:
		return uint64(e.sample.Capture.Source) == id
	case api.MessageTypeDebug:
		return uint64(e.sample.Debug.Source) == id
	case api.MessageTypePolicyVerdict:
		n := &e.sample.PolicyVerdict
		return n.Direction() == api.PolicyEgress && uint64(n.Source) == id
	case api.MessageTypeAccessLog:
		return e.record.SourceEndpoint.ID == id
	default:
		return false
	}
}

func isTo(e *Event, id uint64) bool {
	switch e.sample.Type {
	case api.MessageTypeDrop:
		return uint64(e.sample.Drop.DstID) == id
	case api.MessageTypeTrace:
		n := &e.sample.Trace
		return n.ObsPoint != api.TraceToProxy && uint64(n.DstID) == id // of a proxy it is the port
	case api.MessageTypePolicyVerdict:
		n := &e.sample.PolicyVerdict
		return n.Direction() == api.PolicyIngress && uint64(n.Source) == id
	case api.MessageTypeAccessLog:
		return e.record.DestinationEndpoint.ID == id
	default:
		return false
	}
}

func isRelated(e *Event, id uint64) bool { return isFrom(e, id) || isTo(e, id) }

func ipValue(src, dst bool) func(string) (filterValue, error) {
	return func(text string) (filterValue, error) {
		prefix, err := parsePrefix(text)
		if err != nil {
			return filterValue{}, err
		}
		return filterValue{types: typesWithConnection, key: prefix, match: func(e *Event) bool {
			c := e.connection()
			return src && prefix.Contains(c.src) || dst && prefix.Contains(c.dst)
		}}, nil
	}
}

// parsePrefix returns the network of a CIDR, or of an address alone. As the addresses of
// packets, it is never IPv4-mapped.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf(`%q is neither an address (10.0.0.1, fd00::1) nor a CIDR (10.0.0.0/8)`, text)
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}

func portValue(src, dst bool) func(string) (filterValue, error) {
	return func(text string) (filterValue, error) {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return filterValue{}, fmt.Errorf("port %q is not a number from 0 to 65535", text)
		}
		port := uint16(n)
		return filterValue{types: typesWithConnection, key: port, match: func(e *Event) bool {
			c := e.connection()
			return c.hasPorts && (src && c.srcPort == port || dst && c.dstPort == port)
		}}, nil
	}
}

func parseProtocol(text string) (filterValue, error) {
	var number uint8
	i := slices.IndexFunc(protocols[:], func(p protocolName) bool { return strings.EqualFold(p.name, text) })
	if i >= 0 {
		number = protocols[i].number
	} else {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil {
			var names []string
			for _, p := range protocols {
				names = append(names, p.name)
			}
			return filterValue{}, fmt.Errorf("protocol %q is neither a number from 0 to 255 nor one of %s%s",
				text, strings.Join(names, ", "), suggest.DidYouMean(text, names))
		}
		number = uint8(n)
	}
	return filterValue{types: typesWithConnection, key: number, match: func(e *Event) bool {
		c := e.connection()
		return c.hasProtocol && c.protocol == number
	}}, nil
}

func parseTCPFlag(text string) (filterValue, error) {
	var names []string
	for _, f := range tcpFlagNames {
		if strings.EqualFold(f.name, text) {
			return filterValue{types: typesWithPacket, key: f.bit, match: func(e *Event) bool {
				return e.connection().tcpFlags&f.bit != 0
			}}, nil
		}
		names = append(names, f.name)
	}
	return filterValue{}, fmt.Errorf("no TCP flag %q: there are %s%s", text, strings.Join(names, ", "), suggest.DidYouMean(text, names))
}

func parseDropReason(text string) (filterValue, error) {
	codes, err := api.ParseDropReason(text)
	if err != nil {
		var names []string
		for _, name := range api.DropReasons() {
			names = append(names, name)
		}
		return filterValue{}, fmt.Errorf("%w%s", err, suggest.DidYouMean(text, names))
	}
	return filterValue{types: typeDrop, key: fmt.Sprint(codes), match: func(e *Event) bool {
		return e.sample.Type == api.MessageTypeDrop && slices.Contains(codes, e.sample.Drop.SubType)
	}}, nil
}

func parseIdentity(text string) (filterValue, error) {
	id, err := api.ParseNumericIdentity(text)
	if err != nil {
		var names []string
		for id := api.NumericIdentity(0); ; id++ {
			name, ok := id.Name()
			if !ok {
				break
			}
			names = append(names, name)
		}
		return filterValue{}, fmt.Errorf("%w%s", err, suggest.DidYouMean(text, names))
	}
	return filterValue{
		types: typeDrop | typeTrace | typePolicyVerdict | typeAccessLog,
		key:   id,
		match: func(e *Event) bool {
			switch e.sample.Type {
			case api.MessageTypeDrop:
				return e.sample.Drop.SrcLabel == id || e.sample.Drop.DstLabel == id
			case api.MessageTypeTrace:
				return e.sample.Trace.SrcLabel == id || e.sample.Trace.DstLabel == id
			case api.MessageTypePolicyVerdict:
				return e.sample.PolicyVerdict.RemoteLabel == id
			case api.MessageTypeAccessLog:
				return e.record.SourceEndpoint.Identity == uint64(id) || e.record.DestinationEndpoint.Identity == uint64(id)
			default:
				return false
			}
		},
	}, nil
}

// verdicts has the verdicts, and what access log records call them.
var verdicts = []struct {
	name  string
	types typeSet
	l7    accesslog.FlowVerdict
}{
	{"allow", typePolicyVerdict | typeAccessLog, accesslog.VerdictForwarded},
	{"deny", typePolicyVerdict | typeAccessLog, accesslog.VerdictDenied},
	{"redirect", typePolicyVerdict | typeAccessLog, accesslog.VerdictRedirected},
	{"audit", typePolicyVerdict, ""},
	{"error", typeAccessLog, accesslog.VerdictError},
}

func parseVerdict(text string) (filterValue, error) {
	var names []string
	for _, v := range verdicts {
		if strings.EqualFold(v.name, text) {
			return filterValue{types: v.types, key: v.name, match: func(e *Event) bool {
				switch e.sample.Type {
				case api.MessageTypePolicyVerdict:
					return e.sample.PolicyVerdict.Action() == v.name
				case api.MessageTypeAccessLog:
					return v.l7 != "" && e.record.Verdict == v.l7
				default:
					return false
				}
			}}, nil
		}
		names = append(names, v.name)
	}
	return filterValue{}, fmt.Errorf("no verdict %q: there are %s%s", text, strings.Join(names, ", "), suggest.DidYouMean(text, names))
}

// maxInterfaceName is the length of the longest name that Linux allows.
const maxInterfaceName = 15

func parseInterface(text string) (filterValue, error) {
	if text == "" || len(text) > maxInterfaceName {
		return filterValue{}, fmt.Errorf("no network interface is called %q: names have 1 to %d characters", text, maxInterfaceName)
	}
	index, err := strconv.ParseUint(text, 10, 32)
	numeric := err == nil && index != 0
	return filterValue{types: typeDrop | typeTrace | typeCapture, key: text, match: func(e *Event) bool {
		ifindex, name := e.Interface()
		return ifindex != 0 && (name == text || numeric && uint64(ifindex) == index)
	}}, nil
}
