// SPDX-License-Identifier: Apache-2.0

package wanted

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api/session"
)

// Version is that of the layout of [Value].
const Version = 2

// MaxRules is how many packet rules the map has room for. A datapath holds each packet against them.
const MaxRules = 32

// NoPort is greater than all ports.
const NoPort = 1 << 16

// Value is the value of the map's only entry, struct monitor_wanted of bpf/wanted.h, as far as this version knows it: there
// can be more behind it, and less in a map of version 1. The zero value is that of a map to which no agent has written
// yet: everything is wanted.
type Value struct {
	Version uint32
	_       uint32 // reserved
	Types   source.Types

	// Since version 2.
	Refined     source.Types
	DropReasons source.Types
	Generation  uint32
	RuleCount   uint32
	Rules       [MaxRules]Rule
}

// Rule is struct monitor_wanted_rule.
type Rule struct {
	Addr, Mask          [16]byte // as in a packet; an IPv4 network is one of IPv4-mapped addresses
	FirstPort, LastPort uint32   // a packet without ports has NoPort
	Protocol            uint8
	ProtocolMask        uint8 // 0 if it can be any, else 0xff
	OnlyIPv6            uint8 // 1 if it is not for IPv4, else 0
	_                   uint8
}

const (
	valueSize = int(unsafe.Sizeof(Value{}))
	sizeOfV1  = int(unsafe.Offsetof(Value{}.Refined))
)

// ValueOf returns what a datapath is told. Where the rules are too many, all packets are wanted.
func ValueOf(w *source.Wanted) *Value {
	v := &Value{Version: Version, Types: w.Types, DropReasons: w.DropReasons}
	if rules := rulesOf(w.Packets); w.Refined != (source.Types{}) && len(rules) <= MaxRules {
		v.Refined = w.Refined
		v.RuleCount = uint32(copy(v.Rules[:], rules))
	}
	return v
}

// rulesOf returns the rules for packets, each with one value of each kind, up to one more than there is room for.
func rulesOf(packets []session.PacketRule) (rules []Rule) {
	for i := range packets {
		p := &packets[i]
		for protocol := range each(p.Protocols) {
			for ports := range each(p.Ports) {
				for network := range each(p.CIDRs) {
					rules = append(rules, ruleOf(protocol, ports, network))
					if len(rules) > MaxRules {
						return rules
					}
				}
			}
		}
	}
	return rules
}

// each yields the values, or nil if there is none.
func each[T any](values []T) func(yield func(*T) bool) {
	return func(yield func(*T) bool) {
		if len(values) == 0 {
			yield(nil)
			return
		}
		for i := range values {
			if !yield(&values[i]) {
				return
			}
		}
	}
}

// ruleOf returns a rule that asks for what is not nil.
func ruleOf(protocol *int, ports *session.PortRange, network *netip.Prefix) Rule {
	r := Rule{LastPort: NoPort}
	if protocol != nil {
		r.Protocol, r.ProtocolMask = uint8(*protocol), 0xff
	}
	if ports != nil {
		r.FirstPort, r.LastPort = uint32(ports.First), uint32(ports.Last)
	}
	if network != nil {
		addr, bits := network.Addr(), network.Bits()
		if addr.Is4() {
			bits += 96
		} else {
			r.OnlyIPv6 = 1
		}
		for i := range r.Mask {
			ones := min(max(bits-8*i, 0), 8)
			r.Mask[i] = ^byte(0xff >> ones)
		}
		r.Addr = addr.As16()
		for i := range r.Addr {
			r.Addr[i] &= r.Mask[i]
		}
	}
	return r
}

// encode writes the value over the begin of a map's one, as far as it goes.
func (v *Value) encode(whole []byte) error {
	var all [valueSize]byte
	if _, err := binary.Encode(all[:], binary.NativeEndian, v); err != nil {
		return err
	}
	copy(whole, all[:])
	return nil
}

// decode sets the value to what a map has, as far as it goes.
func (v *Value) decode(whole []byte) error {
	var all [valueSize]byte
	copy(all[:], whole)
	_, err := binary.Decode(all[:], binary.NativeEndian, v)
	return err
}
