// SPDX-License-Identifier: Apache-2.0

package ciliumagent_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/cilium/pkg/cgroups/manager"
	"github.com/cilium/cilium/pkg/datapath/link"
	ciliumendpoint "github.com/cilium/cilium/pkg/endpoint"
	"github.com/cilium/cilium/pkg/endpointmanager"
	ciliumhive "github.com/cilium/cilium/pkg/hive"
	hubblecell "github.com/cilium/cilium/pkg/hubble/cell"
	"github.com/cilium/cilium/pkg/identity"
	identitycell "github.com/cilium/cilium/pkg/identity/cache/cell"
	"github.com/cilium/cilium/pkg/ipcache"
	k8sclient "github.com/cilium/cilium/pkg/k8s/client"
	"github.com/cilium/cilium/pkg/k8s/watchers"
	"github.com/cilium/cilium/pkg/loadbalancer"
	ciliumnode "github.com/cilium/cilium/pkg/node"
	nodemanager "github.com/cilium/cilium/pkg/node/manager"
	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/hivetest"
	"github.com/cilium/statedb"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/ciliumagent"
	"github.com/cilium/monitor/testutils"
)

// What Cilium's Hubble asks of the rest of Cilium's agent, which knows nothing here. A method that it has no use for panics.
type (
	noIdentities struct {
		identitycell.CachingIdentityAllocator
	}
	noEndpoints struct {
		endpointmanager.EndpointManager
	}
	noCgroups struct{ manager.CGroupManager }
	noNodes   struct{ nodemanager.NodeManager }
)

func (noIdentities) LookupIdentityByID(context.Context, identity.NumericIdentity) *identity.Identity {
	return nil
}
func (noEndpoints) LookupIP(netip.Addr) *ciliumendpoint.Endpoint         { return nil }
func (noEndpoints) LookupCiliumID(uint16) *ciliumendpoint.Endpoint       { return nil }
func (noCgroups) GetPodMetadataForContainer(uint64) *manager.PodMetadata { return nil }

// restOfCilium stands for the other cells of Cilium's agent, as far as Hubble's takes something of them.
var restOfCilium = cell.Group(
	cell.Provide(
		func() identitycell.CachingIdentityAllocator { return noIdentities{} },
		func() endpointmanager.EndpointManager { return noEndpoints{} },
		func() endpointmanager.EndpointsLookup { return noEndpoints{} },
		func() manager.CGroupManager { return noCgroups{} },
		func() nodemanager.NodeManager { return noNodes{} },
		func() *ciliumnode.LocalNodeStore { return ciliumnode.NewTestLocalNodeStore(ciliumnode.LocalNode{}) },
		func(log *slog.Logger) *ipcache.IPCache {
			return ipcache.NewIPCache(&ipcache.Configuration{Context: context.Background(), Logger: log})
		},
		func() k8sclient.Clientset { return nil },
		func() *watchers.K8sWatcher { return nil },
		func(db *statedb.DB) (statedb.Table[*loadbalancer.Frontend], error) {
			return loadbalancer.NewFrontendsTable(loadbalancer.DefaultConfig, db)
		},
	),
	link.Cell,
)

// TestHubbleCell starts the cell of Cilium's Hubble with this agent in the place of Cilium's: its API has what the agent reads
// and what is sent.
func TestHubbleCell(t *testing.T) {
	dir := filepath.Dir(testutils.SocketPath(t))
	var ours *agent.Agent
	h := ciliumhive.New(
		monitor.Cell,
		ciliumagent.Cell, // this line for that of Cilium's monitor agent
		hubblecell.Cell,
		restOfCilium,
		testutils.FakeDatapathCell(t),
		cell.Invoke(func(a *agent.Agent, _ hubblecell.HubbleIntegration) { ours = a }),
	)
	hive.AddConfigOverride(h, func(cfg *monitor.ServerConfig) { cfg.MonitorSocketPath = filepath.Join(dir, "monitor.sock") })
	h.Viper().Set("enable-hubble", true)
	h.Viper().Set("hubble-socket-path", filepath.Join(dir, "hubble.sock"))
	log := hivetest.Logger(t)
	require.NoError(t, h.Start(log, t.Context()))
	defer func() { require.NoError(t, h.Stop(log, context.Background())) }()

	conn, err := grpc.NewClient("unix://"+filepath.Join(dir, "hubble.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	client := observerpb.NewObserverClient(conn)
	for revision := uint64(1); ; revision++ { // it begins to listen in its own time, and keeps the newest event back
		require.NoError(t, ours.SendEvent(api.MessageTypeAgent, api.PolicyUpdateMessage(2, []string{"k8s:app=web"}, revision)))
		events, err := client.GetAgentEvents(ctx, &observerpb.GetAgentEventsRequest{Number: 1}, grpc.WaitForReady(true))
		require.NoError(t, err)
		event, err := events.Recv()
		if errors.Is(err, io.EOF) {
			continue
		}
		require.NoError(t, err)
		require.Equal(t, flowpb.AgentEventType_POLICY_UPDATED, event.GetAgentEvent().GetType())
		require.EqualValues(t, 2, event.GetAgentEvent().GetPolicyUpdate().GetRuleCount())
		break
	}
	var consumers []string
	for _, c := range ours.Stats().Consumers {
		consumers = append(consumers, c.Name)
	}
	require.Contains(t, consumers, "*monitor.consumer")
}
