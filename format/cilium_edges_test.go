// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// Cilium's formatter without -vv: [ciliumVerbose] is with it.
var (
	ciliumLine  = format.Options{Output: format.OutputCilium}
	ciliumDebug = format.Options{Output: format.OutputCilium, Level: format.LevelDebug}
)

// TestCiliumCPU has a CPU of each width, and one that is none.
func TestCiliumCPU(t *testing.T) {
	for cpu, want := range map[int]string{-1: "-1", 0: "00", 1: "01", 9: "09", 10: "10", 100: "100"} {
		require.Equal(t, "CPU "+want+": Lost 5 events\n", print(ciliumLine, lost(5, cpu)))
	}
}

// TestCiliumDebugArguments has the arguments around the last that has a name.
func TestCiliumDebugArguments(t *testing.T) {
	const head = "CPU 01: MARK 0x1234abcd FROM 12 DEBUG: "
	for want, pl := range map[string]*payload.Payload{
		"CT verdict: New, revnat=0":                               debug(api.DebugCTVerdict, 0, 0, 0),
		"CT verdict: Related, revnat=0":                           debug(api.DebugCTVerdict, 3, 0, 0),
		"CT verdict: Interface Decrypted, revnat=0":               debug(api.DebugCTVerdict, 4, 0, 0),
		"Resolved L4 policy to: 80 / egress":                      debug(api.DebugL4Policy, 0x5000, 0, 0),
		"Resolved L4 policy to: 80 / ingress":                     debug(api.DebugL4Policy, 0x5000, 1, 0),
		"Resolved L4 policy to: 80 / ":                            debug(api.DebugL4Policy, 0x5000, 2, 0),
		"CT lookup: sport=0 dport=0 nexthdr=0 flags=OUT":          debug(api.DebugCTLookup, 0, 1, 0),
		"CT lookup: sport=0 dport=0 nexthdr=0 flags=":             debug(api.DebugCTLookup, 0, 4, 0),
		"Unknown message type=255 arg1=1 arg2=2":                  debug(255, 1, 2, 3),
		"CT lookup: sport=0 dport=0 nexthdr=0 flags=OUT, RELATED": debug(api.DebugCTLookup, 0, 3, 0),
	} {
		require.Equal(t, head+want+"\n", print(ciliumDebug, pl))
	}
}

// TestCiliumIdentities has events of which one side has an identity, both and none. The lines without -vv
// have all of them.
func TestCiliumIdentities(t *testing.T) {
	for _, c := range []struct {
		src, dst api.NumericIdentity
		want     string
	}{
		{0, 0, ""},
		{api.IdentityHost, 0, ", identity host->unknown"},
		{0, 4711, ", identity unknown->4711"},
		{api.IdentityHost, 4711, ", identity host->4711"},
	} {
		dropped := print(ciliumVerbose, drop(nil, func(n *api.DropNotify) { n.SrcLabel, n.DstLabel = c.src, c.dst }))
		require.Contains(t, dropped, " DROP: 0 bytes, reason Policy denied"+c.want+", to endpoint 7\n")
		traced := print(ciliumVerbose, trace(nil, func(n *api.TraceNotify) { n.SrcLabel, n.DstLabel = c.src, c.dst }))
		if c.want != "" {
			c.want = ", " + c.want
		}
		require.Contains(t, traced, ", interface eth0"+c.want+", orig-ip 1.2.3.4, to endpoint 7\n")
	}
}

// TestCiliumOriginalIP has traces without an original address, in both versions of IP.
func TestCiliumOriginalIP(t *testing.T) {
	for flags, want := range map[uint8]string{0: "0.0.0.0", api.FlagIPv6: "::"} {
		pl := trace(synPacket, func(n *api.TraceNotify) { n.OrigIP, n.Flags = [16]byte{}, flags })
		require.Contains(t, print(ciliumLine, pl), "-> endpoint 7 flow 0x1234abcd , identity host->4711 state established ifindex eth0 orig-ip "+want+": 10.0.0.1")
		require.Contains(t, print(ciliumVerbose, pl), "CPU 01: MARK 0x1234abcd FROM 12 to-endpoint: 70 bytes (70 captured), state established, interface eth0, , identity host->4711, orig-ip "+want+", to endpoint 7")
	}
}

// TestCiliumPadding prints nothing of the padding of an event that captured nothing.
func TestCiliumPadding(t *testing.T) {
	for _, pl := range []*payload.Payload{drop(nil), trace(nil), capture(api.CaptureDelivery, 2, nil)} {
		for _, hex := range []bool{false, true} {
			opts := ciliumVerbose
			opts.Hex = hex
			padded := sample(append(bytes.Clone(pl.Data), 0, 0, 0))
			require.Equal(t, print(opts, pl), print(opts, padded))
		}
	}
}

// TestCiliumPolicyVerdicts has the values around the last that has a name.
func TestCiliumPolicyVerdicts(t *testing.T) {
	auth := func(typ uint8) *payload.Payload {
		return verdict(nil, func(n *api.PolicyVerdictNotify) { n.AuthType = typ })
	}
	match := func(typ uint8) *payload.Payload {
		return verdict(nil, func(n *api.PolicyVerdictNotify) { n.Flags = api.PolicyIngress | typ<<3 })
	}
	for _, c := range []struct {
		want string
		pl   *payload.Payload
	}{
		{", auth: test-always-fail, match none", auth(api.AuthTypeTestAlwaysFail)},
		{", auth: Unknown-auth-type-3, match none", auth(api.AuthTypeTestAlwaysFail + 1)},
		{", match Proto-Only, [unknown]", match(api.PolicyMatchProtoOnly)},
		{", match unknown, [unknown]", match(api.PolicyMatchProtoOnly + 1)},
	} {
		require.Contains(t, print(ciliumLine, c.pl), c.want)
	}
}

// TestCiliumOwnTypes prints registered types, and what is wrong with one that cannot print.
func TestCiliumOwnTypes(t *testing.T) {
	unregister, err := format.RegisterType(&format.Type{
		Number: 101, Name: "own", Level: format.LevelDebug,
		Decode: func(s *format.Sample) error {
			if s.Data[1] == 'd' {
				return errors.New("no such thing")
			}
			return nil
		},
		Line: func(l *format.Line, s *format.Sample) {
			if s.Data[1] == 'p' {
				panic("oops")
			}
			l.Text("own line")
		},
		JSON: func(*format.Object, *format.Sample) {},
	})
	require.NoError(t, err)
	defer unregister()
	own := func(what byte) *payload.Payload { return sample([]byte{101, what}) }

	require.Empty(t, print(ciliumLine, own('o')))
	require.Equal(t, "own line\nown line\n", print(ciliumDebug, own('o'), own('o')))
	require.Equal(t, "own line\n"+
		"cannot decode message type '101': decode own sample: the type's Line function panicked: oops\n"+
		"cannot decode message type '101': decode own sample: no such thing\n"+
		"own line\n", print(ciliumDebug, own('o'), own('p'), own('d'), own('o')))
}
