// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// Bounds of a [Request]: how many there can be of something.
const (
	MaxPacketRules = 64 // PacketRule in a request
	MaxRuleValues  = 64 // port ranges and CIDRs, each, in a rule
	maxClientName  = 128
)

// Request says what a client wants. The zero value asks for all events from now on.
//
// A list that is nil does not restrict anything. One that is empty is an error, since nothing can be meant by it.
type Request struct {
	// Version is that of the client. [AppendRequest] fills in [Version].
	Version string `json:"version"`

	// Client is the name of the program, for the agent's status: at most 128 bytes, printable.
	Client string `json:"client,omitempty"`

	// Types are the message types that are wanted: 0 to 255.
	Types []int `json:"types,omitzero"`

	// DropReasons are those that are wanted of drops, 0 to 255. They say nothing about events of other types.
	DropReasons []int `json:"dropReasons,omitzero"`

	// Packets are the packets that are wanted: those that match any of the rules. They say nothing about events
	// that have no packet.
	Packets []PacketRule `json:"packets,omitzero"`

	// From is with which event to begin. The zero value is the next one.
	From From `json:"from,omitzero"`

	// Until is the time, in nanoseconds since 1970, by the clock of the agent's machine, behind which no event
	// is wanted. 0: there is none.
	Until int64 `json:"until,omitempty"`

	// HistoryOnly asks for what happened until the request, and nothing else. It needs From.
	HistoryOnly bool `json:"historyOnly,omitempty"`
}

// PacketRule describes packets: those that have all of what is given, at least one of which there must be.
//
// A packet has what any header in it has: of what a tunnel carries, of what an ICMP error is about, an extension
// header, and what the event says of it besides: a policy verdict its protocol and port, a trace its source address before
// that was translated. It can have its port from one of them and its address from another. A packet that is no IP packet, or
// of which too little is captured, is taken to have anything, and so is one of an event that cannot be decoded.
type PacketRule struct {
	Protocols []int       `json:"protocols,omitzero"` // IP protocols, 0 to 255
	Ports     []PortRange `json:"ports,omitzero"`     // of source or destination
	CIDRs     CIDRs       `json:"cidrs,omitzero"`     // of source or destination
}

// PortRange are ports from First to Last, which belong to it.
type PortRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

// UnmarshalJSON implements [json.Unmarshaler]. Both ports have to be given.
func (r *PortRange) UnmarshalJSON(text []byte) error {
	const field = "packets.ports"
	var ports struct {
		First *uint16 `json:"first"`
		Last  *uint16 `json:"last"`
	}
	if err := json.Unmarshal(text, &ports); err != nil {
		refusal := explainJSON(err)
		refusal.Field = strings.TrimSuffix(field+"."+refusal.Field, ".")
		return refusal
	}
	if ports.First == nil || ports.Last == nil {
		return wrong(field, "a range has first and last")
	}
	r.First, r.Last = *ports.First, *ports.Last
	return nil
}

// CIDRs are networks: in JSON texts such as "10.0.0.0/8". IPv4 networks are not written as IPv6. Bits outside of
// the mask mean nothing.
type CIDRs []netip.Prefix

// UnmarshalJSON implements [json.Unmarshaler].
func (c *CIDRs) UnmarshalJSON(text []byte) error {
	const field = "packets.cidrs"
	var cidrs []string
	if json.Unmarshal(text, &cidrs) != nil {
		return wrong(field, "it is no list of texts")
	}
	if cidrs == nil {
		return nil
	}
	*c = make(CIDRs, 0, min(len(cidrs), MaxRuleValues+1))
	for _, cidr := range cidrs[:cap(*c)] {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return wrong(field, "%s is no CIDR, such as 10.0.0.0/8", quote(cidr))
		}
		*c = append(*c, prefix)
	}
	return nil
}

// From is with which event to begin. At most one of its fields is not 0.
type From struct {
	// Last asks for so many of the latest events of the history that match.
	Last uint64 `json:"last,omitempty"`

	// Since asks for the events of the history that match from this time on: nanoseconds since 1970, by the clock
	// of the agent's machine.
	Since int64 `json:"since,omitempty"`
}

// Validate returns the [Refusal] that an agent would answer, nil if the request is good.
func (r *Request) Validate() error {
	refusal := cmp.Or(
		checkVersion(r.Version),
		checkClient(r.Client),
		checkNumbers("types", r.Types),
		checkNumbers("dropReasons", r.DropReasons),
		checkList("packets", r.Packets, MaxPacketRules),
		r.checkTimes(),
	)
	for i := 0; refusal == nil && i < len(r.Packets); i++ {
		refusal = r.Packets[i].check(fmt.Sprintf("packets[%d]", i))
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

func (r *Request) checkTimes() *Refusal {
	switch {
	case r.From.Last != 0 && r.From.Since != 0:
		return wrong("from", "it has both last and since")
	case r.From.Since < 0:
		return wrong("from.since", "%d is before 1970", r.From.Since)
	case r.Until < 0:
		return wrong("until", "%d is before 1970", r.Until)
	case r.Until != 0 && r.Until < r.From.Since:
		return wrong("until", "it is before from.since")
	case r.HistoryOnly && r.From == From{}:
		return wrong("historyOnly", "it needs from, which says how much of the history")
	default:
		return nil
	}
}

func (p *PacketRule) check(field string) *Refusal {
	if p.Protocols == nil && p.Ports == nil && p.CIDRs == nil {
		return wrong(field, "it has neither protocols nor ports nor cidrs: leave packets out for all packets")
	}
	if refusal := cmp.Or(
		checkNumbers(field+".protocols", p.Protocols),
		checkList(field+".ports", p.Ports, MaxRuleValues),
		checkList(field+".cidrs", p.CIDRs, MaxRuleValues),
	); refusal != nil {
		return refusal
	}
	for i, r := range p.Ports {
		if r.First > r.Last {
			return wrong(fmt.Sprintf("%s.ports[%d]", field, i), "its first, %d, is above its last, %d", r.First, r.Last)
		}
	}
	for i, c := range p.CIDRs {
		switch field := fmt.Sprintf("%s.cidrs[%d]", field, i); {
		case !c.IsValid():
			return wrong(field, "it is no CIDR")
		case c.Addr().Is4In6():
			return wrong(field, "%s is IPv4 written as IPv6", c)
		}
	}
	return nil
}

// checkVersion returns a refusal of a version that does not begin with the number that ours begins with.
func checkVersion(version string) *Refusal {
	ours, _, _ := strings.Cut(Version, ".")
	major, minor, _ := strings.Cut(version, ".")
	if _, err := strconv.ParseUint(minor, 10, 16); err == nil && major == ours {
		return nil
	}
	return &Refusal{Code: CodeVersion, Field: "version", Text: fmt.Sprintf("%s is asked for, this agent speaks %s", quote(version), Version)}
}

func checkClient(client string) *Refusal {
	if len(client) > maxClientName {
		return wrong("client", "it has %d bytes, at most %d are possible", len(client), maxClientName)
	}
	if strings.ContainsFunc(client, func(c rune) bool { return printable(c) == '\ufffd' }) {
		return wrong("client", "%s has a character that cannot be printed", quote(client))
	}
	return nil
}

// checkNumbers checks numbers that have one byte.
func checkNumbers(field string, numbers []int) *Refusal {
	for i, n := range numbers {
		if n < 0 || n > math.MaxUint8 {
			return wrong(fmt.Sprintf("%s[%d]", field, i), "%d is not in 0-%d", n, math.MaxUint8)
		}
	}
	return checkList(field, numbers, math.MaxUint8+1)
}

func checkList[T any](field string, list []T, most int) *Refusal {
	switch {
	case list != nil && len(list) == 0:
		return wrong(field, "it is empty: leave it out for all")
	case len(list) > most:
		return wrong(field, "it has %d elements, at most %d are possible", len(list), most)
	default:
		return nil
	}
}

// quote quotes what somebody sent, and not too much of it.
func quote(text string) string {
	const most = 64
	if len(text) > most {
		return strconv.Quote(text[:most]) + "..."
	}
	return strconv.Quote(text)
}
