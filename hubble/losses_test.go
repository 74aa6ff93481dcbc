// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"errors"
	"io"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// TestSlowReader has one client that does not read while more events come than are kept for it, and one that reads: the one
// gets part of them and is told exactly how many it missed, once for each gap; the other gets all.
func TestSlowReader(t *testing.T) {
	n := startNode(t, settings{"monitor-queue-size": 512, "monitor-buffer-pages": 512})
	const bursts, burst = 60, 500
	slow := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	fast := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	for range bursts {
		n.drop(130, burst)
		for range burst {
			require.Equal(t, "130", fast.next())
		}
	}
	n.drop(131, 1)

	var received, lost, gaps uint64
	var last time.Time // of what came
	for {
		r, err := slow.stream.Recv()
		require.NoError(t, err)
		if loss := r.GetLostEvents(); loss != nil {
			if received > 0 {
				require.Equal(t, last, loss.GetFirst().AsTime(), "it begins behind what came")
			}
			require.NotNil(t, loss.GetFirst())
			require.False(t, loss.GetLast().AsTime().Before(loss.GetFirst().AsTime()))
			require.Equal(t, flowpb.LostEventSource_HUBBLE_RING_BUFFER, loss.GetSource())
			require.Nil(t, loss.GetCpu())
			require.NotZero(t, loss.GetNumEventsLost())
			lost += loss.GetNumEventsLost()
			gaps++
			continue
		}
		last = r.GetTime().AsTime()
		received++
		if line(r) == "131" {
			break
		}
	}
	require.NotZero(t, lost)
	require.EqualValues(t, bursts*burst+1, received+lost)
	require.Less(t, gaps, received)
}

// TestSlowReaderOfThePast has a client that asks for all until a time in the past, and does not read until the history has dropped
// much of that: what it gets and what it is told that it missed is all.
func TestSlowReaderOfThePast(t *testing.T) {
	n := startNode(t, settings{"monitor-buffer-pages": 512, "hubble-event-buffer-capacity": 8191})
	const events = 5000
	n.drop(130, events)
	f := n.getFlows(&observerpb.GetFlowsRequest{Until: timestamppb.Now()})
	for oldest, last := n.agent.Stats().History.Oldest, n.agent.Stats().Datapath.Last; !oldest.After(last); oldest = n.agent.Stats().History.Oldest {
		n.drop(131, 500)
	}
	var received, lost uint64
	for {
		r, err := f.stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if loss := r.GetLostEvents(); loss != nil {
			require.Equal(t, flowpb.LostEventSource_HUBBLE_RING_BUFFER, loss.GetSource())
			lost += loss.GetNumEventsLost()
			continue
		}
		received++
	}
	require.NotZero(t, lost)
	require.EqualValues(t, events, received+lost)
}

// TestDatapathLoses has the perf ring buffer full: who follows and who comes later is told, with the CPU.
func TestDatapathLoses(t *testing.T) {
	n := startNode(t, settings{"monitor-buffer-pages": 1, "monitor-max-delay": "1s"})
	f := n.getFlows(&observerpb.GetFlowsRequest{Follow: true})
	counters, err := n.datapath.EmitSample(dropSample(130), 5000)
	require.NoError(t, err)
	require.NotZero(t, counters.NoSpace)
	n.accepted(counters.Written)
	written, lost := counters.Written, counters.NoSpace
	for written == counters.Written { // the kernel tells of a loss when there is room again
		more, err := n.datapath.EmitSample(dropSample(130), 1)
		require.NoError(t, err)
		written, lost = written+more.Written, lost+more.NoSpace
	}
	for name, f := range map[string]*flows{"follows": f, "comes later": n.getFlows(&observerpb.GetFlowsRequest{Follow: true, Number: 10000})} {
		t.Run(name, func(t *testing.T) {
			var received, told uint64
			for received+told < written+lost {
				r, err := f.stream.Recv()
				require.NoError(t, err)
				loss := r.GetLostEvents()
				if loss == nil {
					received++
					continue
				}
				require.Equal(t, flowpb.LostEventSource_PERF_EVENT_RING_BUFFER, loss.GetSource())
				require.NotNil(t, loss.GetCpu())
				told += loss.GetNumEventsLost()
			}
			require.Equal(t, written, received)
			require.Equal(t, lost, told)
		})
	}
}
