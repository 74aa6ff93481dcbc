// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"net"
	"strconv"
	"testing"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/credentials/insecure"
)

// TestOwnTraffic has packets of the server's own connection among the events: their flows are not sent, those to the same port
// elsewhere and from others are.
func TestOwnTraffic(t *testing.T) {
	n := startNode(t, settings{"hubble-listen-address": "127.0.0.1:0", "hubble-disable-tls": true})
	address := n.tcpAddress()
	_, text, err := net.SplitHostPort(address)
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	f := getFlows(t, observerpb.NewObserverClient(dial(t, address, insecure.NewCredentials())), &observerpb.GetFlowsRequest{Follow: true})

	send := func(l4 transport) {
		t.Helper()
		before := n.agent.Stats().Accepted
		_, err := n.datapath.EmitSample(dropOf(t, "127.0.0.2", l4), 1)
		require.NoError(t, err)
		n.accepted(before + 1)
	}
	send(&layers.TCP{SrcPort: 1, DstPort: layers.TCPPort(port), ACK: true})
	send(&layers.TCP{SrcPort: layers.TCPPort(port), DstPort: 2, ACK: true})
	send(&layers.UDP{SrcPort: 3, DstPort: layers.UDPPort(port)})
	r, err := f.stream.Recv()
	require.NoError(t, err)
	require.EqualValues(t, 2, r.GetFlow().GetL4().GetTCP().GetDestinationPort(), "from another address")
	r, err = f.stream.Recv()
	require.NoError(t, err)
	require.EqualValues(t, 3, r.GetFlow().GetL4().GetUDP().GetSourcePort())
}
