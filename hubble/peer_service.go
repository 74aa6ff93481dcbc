// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"context"
	"net"
	"strings"

	peerpb "github.com/cilium/cilium/api/v1/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// peerService is peer.Peer: it tells Relay whom to connect to.
type peerService struct {
	peerpb.UnimplementedPeerServer

	provider PeerProvider // nil: this node alone
	node     node
	address  string // where this node serves on TCP, "" if it does not
	tls      bool   // whether it does with TLS
}

// Notify implements peerpb.PeerServer. It sends one change for each peer that comes, goes or is another one.
func (s *peerService) Notify(_ *peerpb.NotifyRequest, stream peerpb.Peer_NotifyServer) error {
	ctx := stream.Context()
	provider := s.provider
	if provider == nil {
		provider = s.alone(ctx)
	}
	known := map[string]Peer{}
	for peers := range provider.Peers(ctx) {
		for _, change := range s.changes(known, peers) {
			if err := stream.Send(change); err != nil {
				return err
			}
		}
	}
	if ctx.Err() == nil {
		return status.Error(codes.Unavailable, "it is not known any more who the peers are")
	}
	return nil
}

// changes returns what has to be told to one who knows some peers for it to know those that there are, and brings known up to
// date.
func (s *peerService) changes(known map[string]Peer, peers []Peer) (changes []*peerpb.ChangeNotification) {
	gone := map[string]Peer{}
	for name, p := range known {
		gone[name] = p
	}
	for _, p := range peers {
		delete(gone, p.Name)
		before, there := known[p.Name]
		if there && before == p {
			continue
		}
		known[p.Name] = p
		kind := peerpb.ChangeNotificationType_PEER_ADDED
		if there {
			kind = peerpb.ChangeNotificationType_PEER_UPDATED
		}
		changes = append(changes, s.change(kind, p))
	}
	for name, p := range gone {
		delete(known, name)
		changes = append(changes, s.change(peerpb.ChangeNotificationType_PEER_DELETED, p))
	}
	return changes
}

func (s *peerService) change(kind peerpb.ChangeNotificationType, p Peer) *peerpb.ChangeNotification {
	change := &peerpb.ChangeNotification{Name: s.node.fullName(p.Name), Address: p.Address, Type: kind}
	if s.tls { // without it Relay takes a name for a mistake
		name := p.TLSServerName
		if name == "" {
			name = tlsServerName(p.Name, s.node.cluster)
		}
		change.Tls = &peerpb.TLS{ServerName: name}
	}
	return change
}

// alone is this node as the only peer, at the address by which the client reached it.
func (s *peerService) alone(ctx context.Context) staticPeers {
	if s.address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if client, ok := peer.FromContext(ctx); ok {
			if local, ok := client.LocalAddr.(*net.TCPAddr); ok {
				host = local.IP.String()
			}
		}
	}
	return staticPeers{{Name: s.node.name, Address: net.JoinHostPort(host, port)}}
}

// tlsServerName is the name that Cilium has in the certificates of its nodes.
func tlsServerName(node, cluster string) string {
	return strings.ReplaceAll(node, ".", "-") + "." + strings.ReplaceAll(cluster, ".", "-") + ".hubble-grpc.cilium.io"
}
