// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestDebugArguments has arguments around the first and the last that has a name.
func TestDebugArguments(t *testing.T) {
	verdict := func(n int32) *payload.Payload { return debug(api.DebugCTVerdict, uint32(n), 0, 0) }
	lookup := func(protocol, flags uint32) *payload.Payload {
		return debug(api.DebugCTLookup, 0, protocol<<8|flags, 0)
	}
	for _, c := range []struct {
		want string
		pl   *payload.Payload
	}{
		{"CT verdict: New, revnat=0", verdict(0)},
		{"CT verdict: Related, revnat=0", verdict(3)},
		{"CT verdict: Interface Decrypted, revnat=0", verdict(4)},
		{"CT verdict: 255, 0, revnat=0", verdict(255)},
		{"CT verdict: 256, revnat=0", verdict(256)},
		{"CT verdict: 1, 0, revnat=0", verdict(-1)},
		{"CT verdict: Policy denied, revnat=0", verdict(-133)},
		{"CT verdict: 255, 0, revnat=0", verdict(-255)},
		{"CT verdict: -256, revnat=0", verdict(-256)},
		{"CT lookup: sport=0 dport=0 tcp", lookup(6, 0)},
		{"CT lookup: sport=0 dport=0 tcp OUT", lookup(6, 1)},
		{"CT lookup: sport=0 dport=0 tcp RELATED", lookup(6, 2)},
		{"CT lookup: sport=0 dport=0 tcp OUT, RELATED", lookup(6, 3)},
		{"CT lookup: sport=0 dport=0 tcp", lookup(6, 4)},
		{"CT lookup: sport=0 dport=0 proto 200", lookup(200, 4)},
		{"unknown message 0, arg1=1 (0x1) arg2=2 (0x2) arg3=3 (0x3)", debug(api.DebugUnspec, 1, 2, 3)},
		{"LB6 loopback reverse SNAT from *:100:0 to *:200:0", debug(api.DebugLB6LoopbackSNATRev, 1, 2, 3)},
		{"unknown message 68, arg1=1 (0x1) arg2=2 (0x2) arg3=3 (0x3)", debug(api.DebugLB6LoopbackSNATRev+1, 1, 2, 3)},
		{"unknown message 255, arg1=1 (0x1) arg2=2 (0x2) arg3=3 (0x3)", debug(255, 1, 2, 3)},
		{"socket assign: success", debug(api.DebugSKAssign, 0, 0, 0)},
		{"socket assign: no such file or directory (2)", debug(api.DebugSKAssign, 2, 0, 0)},
	} {
		require.Equal(t, "dbg  "+c.want+", endpoint 12, flow 0x1234abcd, CPU 1\n", print(format.Options{Level: format.LevelDebug}, c.pl))
	}
}
