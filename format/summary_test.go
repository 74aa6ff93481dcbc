// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

func TestSummary(t *testing.T) {
	var s format.Summary
	golden(t, "testdata/summary/nothing.golden", string(s.Append(nil)))

	ev := format.NewEvent(interfaceName)
	count := func(n int, pl *payload.Payload) {
		for range n {
			ev.Decode(pl)
			s.Count(ev)
		}
	}
	count(1200, trace(tcpPacket))
	count(30, trace(synPacket, func(n *api.TraceNotify) { n.Reason = api.TraceReasonPolicy | api.TraceReasonEncryptMask }))
	count(7, trace(tcpPacket, func(n *api.TraceNotify) { n.ObsPoint = api.TraceFromNetwork }))
	count(1, trace(tcpPacket, func(n *api.TraceNotify) { n.ObsPoint, n.Reason = 99, 99 }))
	count(12, drop(synPacket))
	count(3, drop(synPacket, func(n *api.DropNotify) { n.SubType, n.ExtError = 140, -1 }))
	count(1, drop(synPacket, func(n *api.DropNotify) { n.SubType = 250 }))
	count(12, verdict(synPacket))
	count(2, verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Verdict, n.Flags = 0, api.PolicyEgress }))
	count(1, verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Flags |= api.PolicyVerdictFlagAudited }))
	count(4, capture(api.CaptureDelivery, 2, udpPacket))
	count(5, debug(api.DebugCTLookup, 0, 0, 0))
	count(1, debug(200, 0, 0, 0))
	count(6, traceSock())
	count(2, agent(api.AgentNotifyEndpointCreated, "{}"))
	count(1, agent(api.AgentNotifyStart, "{}"))
	for _, r := range records(t) {
		count(1, r.payload)
	}
	count(2, sample([]byte{api.MessageTypeDrop}))
	count(1, sample([]byte{99}))
	count(2, lost(100, 1))
	count(1, lost(7, payload.CPULostByReader))
	for range 39_000 {
		s.CountUnmatched()
	}
	golden(t, "testdata/summary/all.golden", string(s.Append(nil)))
	require.True(t, json.Valid(s.AppendJSON(nil)))
	require.NotContains(t, string(s.AppendJSON(nil)), "rate")
	s.Elapsed = 2 * time.Minute
	golden(t, "testdata/summary/rates.golden", string(s.Append(nil)))
	golden(t, "testdata/summary/json.golden", string(s.AppendJSON(nil)))
	matched, total := s.Matched()
	require.EqualValues(t, 39_000, total-matched)
}
