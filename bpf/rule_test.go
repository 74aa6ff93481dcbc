// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

func TestParseRule(t *testing.T) {
	for text, want := range map[string]struct {
		rule      Rule
		text      string // as String gives it, if not the same
		matchType uint8
	}{
		"udp/9999":          {rule: Rule{Protocol: ProtocolUDP, Port: 9999}, matchType: api.PolicyMatchL4Only},
		"any/53":            {rule: Rule{Port: 53}, matchType: api.PolicyMatchL4Only},
		"/53":               {rule: Rule{Port: 53}, text: "any/53", matchType: api.PolicyMatchL4Only},
		"tcp":               {rule: Rule{Protocol: ProtocolTCP}, matchType: api.PolicyMatchProtoOnly},
		"sctp/65535":        {rule: Rule{Protocol: ProtocolSCTP, Port: 65535}, matchType: api.PolicyMatchL4Only},
		"tcp/80@10.0.0.0/8": {rule: Rule{ProtocolTCP, 80, netip.MustParsePrefix("10.0.0.0/8")}, matchType: api.PolicyMatchL3L4},
		"any@10.1.2.3/8":    {rule: Rule{Remote: netip.MustParsePrefix("10.0.0.0/8")}, text: "any@10.0.0.0/8", matchType: api.PolicyMatchL3Only},
		"icmp@fd00::/64":    {rule: Rule{Protocol: ProtocolICMP, Remote: netip.MustParsePrefix("fd00::/64")}, matchType: api.PolicyMatchL3Proto},
		"@192.0.2.7":        {rule: Rule{Remote: netip.MustParsePrefix("192.0.2.7/32")}, text: "any@192.0.2.7/32", matchType: api.PolicyMatchL3Only},
		"@2001:db8::1":      {rule: Rule{Remote: netip.MustParsePrefix("2001:db8::1/128")}, text: "any@2001:db8::1/128", matchType: api.PolicyMatchL3Only},
		"any@0.0.0.0/0":     {rule: Rule{Remote: netip.MustParsePrefix("0.0.0.0/0")}, matchType: api.PolicyMatchL3Only},
	} {
		t.Run(text, func(t *testing.T) {
			rule, err := ParseRule(text)
			require.NoError(t, err)
			assert.Equal(t, want.rule, rule)
			if want.text == "" {
				want.text = text
			}
			assert.Equal(t, want.text, rule.String())
			assert.Equal(t, want.matchType, rule.matchType())
		})
	}
}

func TestParseRuleRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		"":                   "deny every packet",
		"any":                "deny every packet",
		"gre":                `unknown protocol "gre": use tcp, udp, sctp, icmp or any`,
		"TCP":                "unknown protocol",
		"tcp/":               "port",
		"tcp/0":              `port "0" is not a number from 1 to 65535`,
		"tcp/65536":          "port",
		"tcp/http":           "port",
		"tcp/80/81":          "port",
		"icmp/8":             "icmp has no ports",
		"tcp@":               "neither a CIDR nor an address",
		"tcp@10.0.0.0/33":    `"10.0.0.0/33" is neither a CIDR nor an address`,
		"tcp@fe80::1%eth0":   "neither a CIDR nor an address",
		"@::ffff:10.0.0.0/8": "IPv4 inside IPv6",
		"@::ffff:10.0.0.1":   "IPv4 inside IPv6",
	} {
		t.Run(text, func(t *testing.T) {
			_, err := ParseRule(text)
			require.ErrorIs(t, err, ErrBadRule)
			assert.ErrorContains(t, err, reason)
		})
	}
}

func FuzzParseRule(f *testing.F) {
	for _, text := range []string{"udp/9999", "tcp/80@10.0.0.0/8", "icmp@fd00::/64", "/1@::1", "@0.0.0.0/0", "any"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := ParseRule(text)
		if err != nil {
			require.ErrorIs(t, err, ErrBadRule)
			return
		}
		again, err := ParseRule(rule.String())
		require.NoError(t, err)
		require.Equal(t, rule, again)
		_, err = rule.entry(1)
		require.NoError(t, err)
	})
}
