// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"testing"

	peerpb "github.com/cilium/cilium/api/v1/peer"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/cilium/monitor/hubble"
	"github.com/cilium/monitor/hubble/internal/testca"
)

// changes are the notifications of a server.
type changes struct {
	t      *testing.T
	stream peerpb.Peer_NotifyClient
}

func notify(t *testing.T, conn *grpc.ClientConn) changes {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	stream, err := peerpb.NewPeerClient(conn).Notify(ctx, &peerpb.NotifyRequest{})
	require.NoError(t, err)
	return changes{t, stream}
}

// next returns the next change as a line.
func (c changes) next() string {
	c.t.Helper()
	n, err := c.stream.Recv()
	require.NoError(c.t, err)
	text := fmt.Sprint(n.GetType(), " ", n.GetName(), " ", n.GetAddress())
	if n.GetTls() != nil {
		text += " " + n.GetTls().GetServerName()
	}
	return text
}

// TestPeers has peers in a flag. The names in their certificates are Cilium's.
func TestPeers(t *testing.T) {
	ca := testca.New(t)
	server := ca.Issue("server", serverName)
	n := startNode(t, settings{
		"hubble-peers":               "two.example=10.0.0.2:4244,one=[fd00::1]:4244",
		"cluster-name":               "far.away",
		"hubble-listen-address":      "127.0.0.1:0",
		"hubble-tls-cert-file":       server.Cert,
		"hubble-tls-key-file":        server.Key,
		"hubble-tls-client-ca-files": ca.File,
	})
	c := notify(t, n.dial())
	require.Equal(t, "PEER_ADDED far.away/one [fd00::1]:4244 one.far-away.hubble-grpc.cilium.io", c.next())
	require.Equal(t, "PEER_ADDED far.away/two.example 10.0.0.2:4244 two-example.far-away.hubble-grpc.cilium.io", c.next())
}

// TestPeersFile has a file of peers change.
func TestPeersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers")
	write := func(text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(path+".next", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".next", path))
	}
	write("# the nodes\none 10.0.0.1:4244\n\ntwo 10.0.0.2:4244 # the other one\n")
	n := startNode(t, settings{"hubble-peers-file": path})
	c := notify(t, n.dial())
	require.Equal(t, "PEER_ADDED one 10.0.0.1:4244", c.next())
	require.Equal(t, "PEER_ADDED two 10.0.0.2:4244", c.next())

	write("two 10.0.0.3:4244\nthree 10.0.0.4:4244\n")
	require.Equal(t, "PEER_ADDED three 10.0.0.4:4244", c.next())
	require.Equal(t, "PEER_UPDATED two 10.0.0.3:4244", c.next())
	require.Equal(t, "PEER_DELETED one 10.0.0.1:4244", c.next())

	// What is no list of peers changes nothing.
	write("two\n")
	require.Eventually(t, func() bool { return n.logs("Reading the peers failed") }, timeout, tick)
	require.NoError(t, os.Remove(path))
	require.Eventually(t, func() bool { return n.logs("no such file") }, timeout, tick)
	write("three 10.0.0.4:4244\n")
	require.Equal(t, "PEER_DELETED two 10.0.0.3:4244", c.next())
}

// TestAlone names no peers: this node is the only one, at the address by which it was reached.
func TestAlone(t *testing.T) {
	n := startNode(t, settings{"hubble-listen-address": "127.0.0.1:0", "hubble-disable-tls": true})
	address := n.tcpAddress()
	require.Equal(t, "PEER_ADDED node "+address, notify(t, n.dial()).next())
	require.Equal(t, "PEER_ADDED node "+address, notify(t, dial(t, address, insecure.NewCredentials())).next())
}

// provider knows one peer, and ends.
type provider struct{}

func (provider) Peers(context.Context) iter.Seq[[]hubble.Peer] {
	return func(yield func([]hubble.Peer) bool) {
		yield([]hubble.Peer{{Name: "mine", Address: "10.0.0.9:1", TLSServerName: "unused"}})
	}
}

// TestPeerProvider has another one who knows the peers in the object graph.
func TestPeerProvider(t *testing.T) {
	n := startNode(t, nil, cell.Provide(func() hubble.PeerProvider { return provider{} }))
	c := notify(t, n.dial())
	require.Equal(t, "PEER_ADDED mine 10.0.0.9:1", c.next())
	_, err := c.stream.Recv()
	require.ErrorContains(t, err, "it is not known any more who the peers are")
}
