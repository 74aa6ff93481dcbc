// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Peer is a node of the cluster that serves Hubble's API.
type Peer struct {
	// Name is the node's: Relay tells its peers apart by it.
	Name string

	// Address is where it serves, HOST:PORT. Relay looks HOST up once, if it is no IP address.
	Address string

	// TLSServerName is what its certificate is for. If empty it is what Cilium has:
	// NAME.CLUSTER.hubble-grpc.cilium.io, with - for each dot in the two names.
	TLSServerName string
}

// PeerProvider knows the nodes of the cluster. Provide one in the object graph in place of the flags.
type PeerProvider interface {
	// Peers returns an iterator over what the peers are: all of them, at once and again whenever they are others,
	// until ctx ends. It may be called by several goroutines at once; what it yields is not changed.
	Peers(ctx context.Context) iter.Seq[[]Peer]
}

// staticPeers are peers that are always the same.
type staticPeers []Peer

// Peers implements PeerProvider.
func (peers staticPeers) Peers(ctx context.Context) iter.Seq[[]Peer] {
	return func(yield func([]Peer) bool) {
		if yield(peers) {
			<-ctx.Done()
		}
	}
}

// parsePeers parses what --hubble-peers has.
func parsePeers(texts []string) (peers staticPeers, err error) {
	for _, text := range texts {
		name, address, found := strings.Cut(text, "=")
		if !found {
			return nil, fmt.Errorf("%q: %w", text, errPeerSyntax)
		}
		peers = append(peers, Peer{Name: name, Address: address})
	}
	return peers, checkPeers(peers)
}

var errPeerSyntax = errors.New("a peer is NAME=HOST:PORT")

// parsePeersFile parses what a file of peers has: a peer in each line, NAME HOST:PORT and, if it is another one
// than by default, the name in its certificate. Comments begin with #.
func parsePeersFile(text string) (peers []Peer, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		switch len(fields) {
		case 0:
		case 2:
			peers = append(peers, Peer{Name: fields[0], Address: fields[1]})
		case 3:
			peers = append(peers, Peer{Name: fields[0], Address: fields[1], TLSServerName: fields[2]})
		default:
			return nil, fmt.Errorf("line %d: a peer is NAME HOST:PORT, or NAME HOST:PORT TLS-SERVER-NAME", n)
		}
	}
	return peers, checkPeers(peers)
}

// checkPeers refuses peers that Relay can do nothing with. It puts them in the order of their names.
func checkPeers(peers []Peer) error {
	slices.SortFunc(peers, func(a, b Peer) int { return cmp.Compare(a.Name, b.Name) })
	for i, p := range peers {
		if p.Name == "" {
			return fmt.Errorf("the peer at %s has no name", p.Address)
		}
		if i > 0 && p.Name == peers[i-1].Name {
			return fmt.Errorf("two peers are called %s", p.Name)
		}
		host, port, err := net.SplitHostPort(p.Address)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err == nil && host == "" {
			err = errors.New("there is no host in it")
		}
		if err != nil {
			return fmt.Errorf("peer %s: address %q: %w", p.Name, p.Address, err)
		}
	}
	return nil
}
