// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	// peersInterval is how often a file of peers is looked at while somebody wants to know.
	peersInterval = time.Second

	// maxPeersFile is the size of the largest file of peers in bytes: some ten thousand of them.
	maxPeersFile = 1 << 20
)

// filePeers are peers that are in a file, one a line. The file may be changed, or another one put in its place. While it is
// not there or wrong, the peers are those that it had before.
type filePeers struct {
	path string
	log  logrus.FieldLogger
}

// Peers implements PeerProvider.
func (f filePeers) Peers(ctx context.Context) iter.Seq[[]Peer] {
	return func(yield func([]Peer) bool) {
		ticker := time.NewTicker(peersInterval)
		defer ticker.Stop()
		var peers []Peer
		var problem string
		for first := true; ; first = false {
			now, err := f.read()
			switch {
			case err == nil:
				problem = ""
				if first || !slices.Equal(now, peers) {
					peers = now
					if !yield(peers) {
						return
					}
				}
			case err.Error() != problem:
				problem = err.Error()
				f.log.WithError(err).Error("Reading the peers failed; they are those of before")
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// read returns what the file has.
func (f filePeers) read() ([]Peer, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPeersFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPeersFile {
		return nil, fmt.Errorf("%s: %w", f.path, errLargeFile)
	}
	peers, err := parsePeersFile(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return peers, nil
}

var errLargeFile = errors.New("the file has more than 1 MiB")
