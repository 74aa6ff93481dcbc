// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/cidr"
	"github.com/cilium/monitor/internal/suggest"
)

// filterFlag is one of the flags that a filter is made of.
type filterFlag struct {
	name, shorthand string
	placeholder     string // of its value, in the help
	usage           string

	// names returns the names of values, nil if these have none. listed says that they are all that
	// there are, and few: the help lists them.
	names  func() []string
	listed bool

	// whole says that a value can have commas in it. Otherwise they separate values.
	whole bool

	// exempt says which types the flag does not apply to: they match whatever it asks
	// for. nil: none.
	exempt func(d *descriptor) bool

	// eitherSide is the flag that asks for the same of source or destination.
	eitherSide string

	parse func(text string) (filterValue, error)
}

// help returns the usage of the flag and the names that are listed.
func (f *filterFlag) help() string {
	if !f.listed {
		return f.usage
	}
	return f.usage + ": " + strings.Join(f.names(), ", ")
}

// FilterValues returns the values of a filter flag that have names, such as "tcp" and "udp" for
// "protocol", to complete what is typed. It is nil for a flag whose values have none. The slice is the
// caller's.
func FilterValues(flag string) []string {
	for _, f := range filterFlags {
		if f.name == flag && f.names != nil {
			return f.names()
		}
	}
	return nil
}

// filterFlags has the flags in the order of the help.
var filterFlags = []*filterFlag{
	{
		name: "type", shorthand: "t", placeholder: "TYPE", parse: parseType,
		usage: "event type", names: api.MessageTypeNames, listed: true,
	},
	{
		name: "from", placeholder: "ID", exempt: anyEndpoint, eitherSide: "related-to", parse: endpointValue(true, false),
		usage: "id of the endpoint that the traffic comes from",
	},
	{
		name: "to", placeholder: "ID", exempt: anyEndpoint, eitherSide: "related-to", parse: endpointValue(false, true),
		usage: "id of the endpoint that the traffic goes to",
	},
	{
		name: "related-to", placeholder: "ID", exempt: anyEndpoint, parse: endpointValue(true, true),
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
		usage: "IP protocol, by name (tcp, udp, icmp, icmpv6, sctp, ...) or number", names: protocolNames,
	},
	{
		name: "tcp-flags", placeholder: "FLAG", parse: parseTCPFlag,
		usage: "TCP flag that is set", names: namesOfTCPFlags, listed: true,
	},
	{
		name: "drop-reason", placeholder: "REASON", whole: true, parse: parseDropReason,
		usage: `reason of a drop, as text ("Policy denied") or number`,
	},
	{
		name: "identity", placeholder: "ID", parse: parseIdentity,
		usage: "security identity of source or destination, as number or reserved name", names: reservedIdentities,
	},
	{
		name: "verdict", placeholder: "VERDICT", parse: parseVerdict,
		usage: "verdict of policy-verdict and l7 events", names: verdictNames, listed: true,
	},
	{
		name: "interface", placeholder: "NAME", parse: parseInterface,
		usage: "network interface, by name, alternative name or index",
	},
}

func parseType(text string) (filterValue, error) {
	typ, err := api.ParseMessageType(text)
	if err != nil {
		return filterValue{}, fmt.Errorf("%w%s", err, suggest.DidYouMean(text, api.MessageTypeNames()))
	}
	return filterValue{
		types: typeSet{}.with(typ),
		key:   typ,
		match: func(e *Event) bool { return e.Type() == typ },
	}, nil
}

func anyEndpoint(d *descriptor) bool { return d.anyEndpoint }

func endpointValue(from, to bool) func(string) (filterValue, error) {
	return func(text string) (filterValue, error) {
		id, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return filterValue{}, fmt.Errorf("endpoint id %q is not a number from 0 to 65535", text)
		}
		types := typesWith(func(d *descriptor) bool { return from && d.from != nil || to && d.to != nil })
		is := func(side func(*Event) (uint64, bool), e *Event) bool {
			if side == nil {
				return false
			}
			of, ok := side(e)
			return ok && of == id
		}
		return filterValue{types: types, key: id, match: func(e *Event) bool {
			return from && is(e.desc.from, e) || to && is(e.desc.to, e)
		}}, nil
	}
}

func ipValue(src, dst bool) func(string) (filterValue, error) {
	return func(text string) (filterValue, error) {
		prefix, err := parsePrefix(text)
		if err != nil {
			return filterValue{}, err
		}
		return filterValue{types: typesWith(hasConnection), key: prefix, match: func(e *Event) bool {
			c := e.connection()
			return src && prefix.Contains(c.src) || dst && prefix.Contains(c.dst)
		}}, nil
	}
}

// parsePrefix returns the network of a CIDR, or of an address alone. As the addresses of
// packets, it is never IPv4-mapped.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := cidr.Parse(text)
	if err != nil {
		return netip.Prefix{}, err
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
		return filterValue{types: typesWith(hasConnection), key: port, match: func(e *Event) bool {
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
			names := protocolNames()
			return filterValue{}, fmt.Errorf("protocol %q is neither a number from 0 to 255 nor one of %s%s",
				text, strings.Join(names, ", "), suggest.DidYouMean(text, names))
		}
		number = uint8(n)
	}
	return filterValue{types: typesWith(hasConnection), key: number, match: func(e *Event) bool {
		c := e.connection()
		return c.hasProtocol && c.protocol == number
	}}, nil
}

func protocolNames() (names []string) {
	for _, p := range protocols {
		names = append(names, p.name)
	}
	return names
}

func parseTCPFlag(text string) (filterValue, error) {
	for _, f := range tcpFlagNames {
		if strings.EqualFold(f.name, text) {
			return filterValue{types: typesWith(hasPacket), key: f.bit, match: func(e *Event) bool {
				return e.connection().tcpFlags&f.bit != 0
			}}, nil
		}
	}
	names := namesOfTCPFlags()
	return filterValue{}, fmt.Errorf("no TCP flag %q: there are %s%s", text, strings.Join(names, ", "), suggest.DidYouMean(text, names))
}

func namesOfTCPFlags() (names []string) {
	for _, f := range tcpFlagNames {
		names = append(names, f.name)
	}
	return names
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
	types := typesWith(func(d *descriptor) bool { return d.dropReason != nil })
	return filterValue{types: types, key: fmt.Sprint(codes), match: func(e *Event) bool {
		return e.desc.dropReason != nil && slices.Contains(codes, e.desc.dropReason(e))
	}}, nil
}

func parseIdentity(text string) (filterValue, error) {
	id, err := api.ParseNumericIdentity(text)
	if err != nil {
		return filterValue{}, fmt.Errorf("%w%s", err, suggest.DidYouMean(text, reservedIdentities()))
	}
	types := typesWith(func(d *descriptor) bool { return d.hasIdentity != nil })
	return filterValue{types: types, key: id, match: func(e *Event) bool {
		return e.desc.hasIdentity != nil && e.desc.hasIdentity(e, uint64(id))
	}}, nil
}

func reservedIdentities() (names []string) {
	for id := api.NumericIdentity(0); ; id++ {
		name, ok := id.Name()
		if !ok {
			return names
		}
		names = append(names, name)
	}
}

// What filters call verdicts.
const (
	verdictAllow    = "allow"
	verdictDeny     = "deny"
	verdictRedirect = "redirect"
	verdictAudit    = "audit"
	verdictError    = "error"
)

var verdicts = []string{verdictAllow, verdictDeny, verdictRedirect, verdictAudit, verdictError}

func verdictNames() []string { return slices.Clone(verdicts) }

func parseVerdict(text string) (filterValue, error) {
	i := slices.IndexFunc(verdicts, func(name string) bool { return strings.EqualFold(name, text) })
	if i < 0 {
		return filterValue{}, fmt.Errorf("no verdict %q: there are %s%s", text, strings.Join(verdicts, ", "), suggest.DidYouMean(text, verdicts))
	}
	name := verdicts[i]
	types := typesWith(func(d *descriptor) bool { return slices.Contains(d.verdicts, name) })
	return filterValue{types: types, key: name, match: func(e *Event) bool {
		return e.desc.verdict != nil && e.desc.verdict(e) == name
	}}, nil
}

// maxInterfaceName is the length of the longest alternative name that Linux allows. Other names are shorter.
const maxInterfaceName = 127

func parseInterface(text string) (filterValue, error) {
	if text == "" || len(text) > maxInterfaceName {
		return filterValue{}, fmt.Errorf("no network interface is called %q: names have 1 to %d characters", text, maxInterfaceName)
	}
	index, numeric := interfaceIndex(text)
	types := typesWith(func(d *descriptor) bool { return d.ifindex != nil })
	return filterValue{types: types, key: text, match: func(e *Event) bool {
		return e.hasInterface(text) || numeric && e.ifindex() == index
	}}, nil
}

// interfaceIndex returns the index that a value of --interface is, unless it can only be a name.
func interfaceIndex(text string) (index uint32, ok bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n != 0
}
