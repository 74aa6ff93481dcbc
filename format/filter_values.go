// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/monitor/api"
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

	// named says that values have names that a recording can bring along, see FilterFlags.LookUpLater.
	named bool

	// exempt says which types the flag does not apply to: they match whatever it asks
	// for. nil: none.
	exempt func(d *descriptor) bool

	// eitherSide is the flag that asks for the same of source or destination.
	eitherSide string

	parse func(text string) (filterValue, error)

	// ofHeaders is parse of a flag that asks for something of headers. The other is nil.
	ofHeaders func(text string, s scope) (filterValue, error)
}

// help returns the usage of the flag and the names that are listed.
func (f *filterFlag) help() string {
	if !f.listed {
		return f.usage
	}
	return f.usage + ": " + strings.Join(f.names(), ", ")
}

// value returns what a text asks for.
func (f *filterFlag) value(text string, s scope) (filterValue, error) {
	switch {
	case f.ofHeaders != nil:
		return f.ofHeaders(text, s)
	case s != anywhere:
		return filterValue{}, fmt.Errorf("--%s goes before flags that ask for something of a packet's headers", s.flag())
	default:
		return f.parse(text)
	}
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
		name: "type", shorthand: "t", placeholder: "TYPE", named: true, parse: parseType,
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
		name: "ip", placeholder: "IP", ofHeaders: ipValue(true, true),
		usage: "address or CIDR of source or destination",
	},
	{
		name: "src-ip", placeholder: "IP", eitherSide: "ip", ofHeaders: ipValue(true, false),
		usage: "address or CIDR of the source",
	},
	{
		name: "dst-ip", placeholder: "IP", eitherSide: "ip", ofHeaders: ipValue(false, true),
		usage: "address or CIDR of the destination",
	},
	{
		name: "port", placeholder: "PORT", ofHeaders: portValue(true, true),
		usage: "port of source or destination: number, range (8000-8080) or name (https)",
	},
	{
		name: "src-port", placeholder: "PORT", eitherSide: "port", ofHeaders: portValue(true, false),
		usage: "port of the source",
	},
	{
		name: "dst-port", placeholder: "PORT", eitherSide: "port", ofHeaders: portValue(false, true),
		usage: "port of the destination",
	},
	{
		name: "protocol", placeholder: "PROTO", ofHeaders: parseProtocol,
		usage: "IP protocol, by name (tcp, udp, sctp, ...; icmp: of both IP versions) or number", names: protocolNames,
	},
	{
		name: "tcp-flags", placeholder: "FLAG", ofHeaders: parseTCPFlag,
		usage: "TCP flag that is set", names: namesOfTCPFlags, listed: true,
	},
	{
		name: "drop-reason", placeholder: "REASON", whole: true, named: true, parse: parseDropReason,
		usage: `reason of a drop: its text ("Policy denied", NO_SOCKET), a part that all such reasons have ("denied"), or number`,
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
		usage: "network interface, by name, alternative name, pattern (veth*) or index",
	},
}

func parseType(text string) (filterValue, error) {
	typ, err := api.ParseMessageType(text)
	if err != nil {
		return filterValue{}, fmt.Errorf("%w%s", err, suggest.DidYouMean(text, api.MessageTypeNames()))
	}
	types := typeSet{}.with(typ)
	if typ == api.MessageTypeDrop { // whoever asks for drops does not care who dropped the packet
		types = types.with(api.MessageTypeKernelDrop)
	}
	return filterValue{
		types: types,
		key:   messageTypes(types),
		match: func(e *Event) bool { return types.has(e.Type()) },
	}, nil
}

// messageTypes is the key of values of --type.
type messageTypes typeSet

func (t messageTypes) covers(other any) bool {
	return typeSet(other.(messageTypes)).without(typeSet(t)).empty()
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
	is := func(name string) bool { return name == text }
	if isPattern(text) {
		if _, err := path.Match(text, ""); err != nil {
			return filterValue{}, fmt.Errorf("%q is no pattern, such as veth*: %w", text, err)
		}
		is = func(name string) bool {
			matches, _ := path.Match(text, name)
			return matches
		}
	}
	types := typesWith(func(d *descriptor) bool { return d.ifindex != nil })
	return filterValue{types: types, key: text, match: func(e *Event) bool {
		return e.hasInterface(is) || numeric && e.ifindex() == index
	}}, nil
}

// isPattern reports whether a value of --interface stands for all names that match it.
func isPattern(text string) bool { return strings.ContainsAny(text, "*?[") }

// interfaceIndex returns the index that a value of --interface is, unless it can only be a name.
func interfaceIndex(text string) (index uint32, ok bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n != 0
}
