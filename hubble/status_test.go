// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"net/netip"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/hive/cell"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/flow"
)

// TestStatus asks a node for its numbers.
func TestStatus(t *testing.T) {
	n := startNode(t, settings{"hubble-event-buffer-capacity": 1000})
	n.drop(130, 20)
	n.send("no flow")
	var header metadata.MD
	s, err := n.observer().ServerStatus(t.Context(), &observerpb.ServerStatusRequest{}, grpc.Header(&header))
	require.NoError(t, err)
	require.EqualValues(t, 1000, s.GetMaxFlows())
	require.EqualValues(t, 21, s.GetNumFlows())
	require.EqualValues(t, 20, s.GetSeenFlows())
	require.NotZero(t, s.GetUptimeNs())
	require.NotZero(t, s.GetFlowsRate())
	require.Contains(t, s.GetVersion(), "monitor ")
	require.Len(t, header.Get("hubble-server-version"), 1)
	require.Regexp(t, `^\d+\.\d+\.\d+`, header.Get("hubble-server-version")[0])
	require.Equal(t, 1000*512, n.agent.Stats().History.Bytes)

	_, err = n.observer().GetNodes(t.Context(), &observerpb.GetNodesRequest{})
	require.Equal(t, codes.Unimplemented, status.Code(err), "it is Relay's")
	health, err := grpc_health_v1.NewHealthClient(n.dial()).Check(t.Context(),
		&grpc_health_v1.HealthCheckRequest{Service: "hubble.server.Observer"})
	require.NoError(t, err)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, health.GetStatus())
}

// TestMemory fills the largest history that there may be: it has as many events as it says, in less than 40 MB.
func TestMemory(t *testing.T) {
	const capacity = 65535
	n := startNode(t, settings{"hubble-event-buffer-capacity": capacity, "monitor-buffer-pages": 2048})
	for range capacity/5000 + 2 {
		before := n.agent.Stats().Accepted
		_, err := n.datapath.Emit(5000)
		require.NoError(t, err)
		n.accepted(before + 5000)
	}
	history := n.agent.Stats().History
	require.GreaterOrEqual(t, history.Payloads, capacity)
	require.Less(t, history.Memory, 40_000_000)
	t.Logf("%d events in %d bytes", history.Payloads, history.Memory)
	s, err := n.observer().ServerStatus(t.Context(), &observerpb.ServerStatusRequest{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.GetMaxFlows(), s.GetNumFlows())
	require.NotZero(t, s.GetFlowsRate())
}

// endpoints knows one endpoint.
type endpoints struct{}

func (endpoints) EndpointByID(uint16) (flow.Endpoint, bool) { return flow.Endpoint{}, false }

func (endpoints) EndpointByIP(ip netip.Addr) (flow.Endpoint, bool) {
	return flow.Endpoint{Namespace: "shop", Pod: "web"}, ip == netip.MustParseAddr("10.0.0.7")
}

// TestNamespaces has endpoints with namespaces.
func TestNamespaces(t *testing.T) {
	n := startNode(t, nil, cell.Provide(func() flow.Getters { return flow.Getters{Endpoints: endpoints{}} }))
	before := n.agent.Stats().Accepted
	for _, from := range []string{"10.0.0.7", "10.0.0.8"} {
		_, err := n.datapath.EmitSample(dropOf(t, from, &layers.UDP{SrcPort: 1024, DstPort: 53}), 3)
		require.NoError(t, err)
	}
	n.accepted(before + 6)
	r, err := n.observer().GetNamespaces(t.Context(), &observerpb.GetNamespacesRequest{})
	require.NoError(t, err)
	require.Len(t, r.GetNamespaces(), 1)
	require.Equal(t, "default/shop", r.GetNamespaces()[0].GetCluster()+"/"+r.GetNamespaces()[0].GetNamespace())
}

// TestOtherEvents asks for agent events and debug events.
func TestOtherEvents(t *testing.T) {
	n := startNode(t, nil)
	n.drop(130, 1)
	n.send("one")
	before := n.agent.Stats().Accepted
	_, err := n.datapath.EmitSample((&api.DebugMsg{Type: api.MessageTypeDebug, SubType: 1, Arg1: 42}).Append(nil), 1)
	require.NoError(t, err)
	n.accepted(before + 1)
	n.send("two")

	agentEvents, err := n.observer().GetAgentEvents(t.Context(), &observerpb.GetAgentEventsRequest{Number: 1, Follow: true})
	require.NoError(t, err)
	_, err = agentEvents.Header()
	require.NoError(t, err)
	n.send("three")
	for _, text := range []string{"two", "three"} {
		r, err := agentEvents.Recv()
		require.NoError(t, err)
		require.Equal(t, "default/node", r.GetNodeName())
		require.Contains(t, r.GetAgentEvent().GetUnknown().GetNotification(), text)
	}

	debugEvents, err := n.observer().GetDebugEvents(t.Context(), &observerpb.GetDebugEventsRequest{})
	require.NoError(t, err)
	r, err := debugEvents.Recv()
	require.NoError(t, err)
	require.Equal(t, flowpb.DebugEventType_DBG_GENERIC, r.GetDebugEvent().GetType())
	require.EqualValues(t, 42, r.GetDebugEvent().GetArg1().GetValue())
	_, err = debugEvents.Recv()
	require.Error(t, err)
}
