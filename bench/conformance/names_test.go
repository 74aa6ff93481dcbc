// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"math"
	"testing"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/monitor"
	ciliumapi "github.com/cilium/cilium/pkg/monitor/api"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// TestNames checks that numbers have the names that Cilium gives them.
func TestNames(t *testing.T) {
	ours := api.MessageTypeName(api.MessageTypeKernelDrop)
	require.ElementsMatch(t, append(ciliumapi.AllMessageTypeNames(), ours), api.MessageTypeNames())
	for name, typ := range ciliumapi.MessageTypeNames {
		got, err := api.ParseMessageType(name)
		require.NoError(t, err)
		require.Equal(t, typ, got, name)
	}
	for i := range math.MaxUint8 + 1 {
		n := uint8(i)
		for _, ext := range []int8{0, 3, -3, math.MinInt8} {
			require.Equal(t, ciliumapi.DropReasonExt(n, ext), api.DropReasonExt(n, ext))
		}
		require.Equal(t, ciliumapi.BPFFileName(n), api.DropFile(n))
		require.Equal(t, ciliumapi.TraceObservationPoint(n), api.ObservationPointName(n))
		require.Equal(t, (&monitor.TraceSockNotify{XlatePoint: n}).XlatePointStr(), api.XlatePointName(n))
		require.Equal(t, (&monitor.TraceSockNotify{L4Proto: n}).L4ProtoStr(), api.TraceSockProtocolName(n))
		require.Equal(t, identity.NumericIdentity(n).String(), api.NumericIdentity(n).String())
	}
	for match := range uint8(api.PolicyMatchProtoOnly + 1) {
		require.Equal(t, ciliumapi.PolicyMatchType(match).String(), api.PolicyMatchName(match))
	}
	for typ, name := range ciliumapi.AgentNotifications {
		require.Equal(t, name, api.AgentNotification(typ).String())
	}
}
