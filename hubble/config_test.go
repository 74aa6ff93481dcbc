// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/stretchr/testify/require"
)

// TestConfigErrors gives flags what they can't have: the error says which one, and what it takes.
func TestConfigErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "peers")
	require.NoError(t, os.WriteFile(bad, []byte("one 10.0.0.1:4244\ntwo\n"), 0o600))
	for text, s := range map[string]settings{
		"--hubble-event-buffer-capacity=0 is out of range, allowed are 1 to 65535": {"hubble-event-buffer-capacity": 0},
		`--hubble-socket-path="hubble.sock" is not an absolute path`:               {"hubble-socket-path": "hubble.sock"},
		"a unix socket's path at most 107":                                         {"hubble-socket-path": "/" + strings.Repeat("a", 200)},
		"--hubble-listen-address=4244: ":                                           {"hubble-listen-address": "4244"},
		"--hubble-listen-address=:4244 takes --hubble-tls-cert-file, --hubble-tls-key-file and --hubble-tls-client-ca-files, so that only clients with a certificate are served; or --hubble-disable-tls": {
			"hubble-listen-address": ":4244", "hubble-tls-cert-file": "/a", "hubble-tls-key-file": "/b",
		},
		"--hubble-disable-tls contradicts": {
			"hubble-listen-address": ":4244", "hubble-tls-cert-file": "/a", "hubble-disable-tls": true,
		},
		`--cluster-name="a/b" is no name`:       {"cluster-name": "a/b"},
		`--hubble-node-name="a/b" is no name`:   {"hubble-node-name": "a/b"},
		`--hubble-peers: "one": a peer is NAME`: {"hubble-peers": "one"},
		"two peers are called one":              {"hubble-peers": "one=10.0.0.1:4244,one=10.0.0.2:4244"},
		`peer one: address "10.0.0.1": `:        {"hubble-peers": "one=10.0.0.1"},
		`peer one: address ":1": there is no`:   {"hubble-peers": "one=:1"},
		"can't both say who the peers are":      {"hubble-peers": "one=10.0.0.1:4244", "hubble-peers-file": bad},
		"line 2: a peer is NAME HOST:PORT":      {"hubble-peers-file": bad},
		"--hubble-peers-file=/none: ":           {"hubble-peers-file": "/none"},
	} {
		err := newNode(t, s).Populate(slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, text)
	}
}

// TestDisabled serves nothing, and keeps nothing for it.
func TestDisabled(t *testing.T) {
	for name, s := range map[string]settings{
		"by name":             {"enable-hubble": false, "hubble-event-buffer-capacity": 0},
		"for want of a place": {"hubble-socket-path": "", "cluster-name": ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, s)
			require.NoError(t, n.Populate(slog.New(slog.DiscardHandler)))
			require.Nil(t, n.agent.Stats().History)
		})
	}
}

// TestSocketTaken starts a node at the socket of another one: it does not start, says why, and leaves nothing behind.
func TestSocketTaken(t *testing.T) {
	n := startNode(t, nil)
	other := newNode(t, settings{"hubble-socket-path": n.socket, "hubble-listen-address": "127.0.0.1:0", "hubble-disable-tls": true})
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	err := other.Start(slog.New(slog.DiscardHandler), ctx)
	t.Cleanup(other.stop)
	require.ErrorContains(t, err, "--hubble-socket-path="+n.socket)
	require.ErrorContains(t, err, "another process serves it")
	require.Empty(t, n.getFlows(&observerpb.GetFlowsRequest{}).all(), "the first one still serves")
	info, err := os.Stat(n.socket)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o660, info.Mode())
}
