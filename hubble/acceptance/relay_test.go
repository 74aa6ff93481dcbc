// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/hubble/internal/testca"
	"github.com/cilium/monitor/testutils"
)

// cluster is three nodes in network namespaces, whose built-in datapath denies datagrams to a port, and Relay.
type cluster struct {
	*network
	nodes map[string]*node
	at    map[string]string // their addresses
	relay string            // its address
}

const deniedPort = 9999

func startCluster(t *testing.T) *cluster {
	t.Helper()
	binary(t, "hubble")
	c := &cluster{network: newNetwork(t), nodes: map[string]*node{}, at: map[string]string{}, relay: "127.0.0.1:4245"}
	ca := testca.New(t)
	var peers strings.Builder
	file := filepath.Join(t.TempDir(), "peers")
	for i, name := range []string{"one", "two", "three"} {
		ns, address := c.connect(i + 1)
		fmt.Fprintf(&peers, "%s %s:4244\n", name, address)
		server := ca.Issue(name, "*.default.hubble-grpc.cilium.io")
		c.at[name] = address
		c.nodes[name] = newNode(t, ns, name,
			"--device", device,
			"--deny", fmt.Sprint("udp/", deniedPort),
			"--monitor-events-map", testutils.EventsMapPath(t),
			"--hubble-listen-address", address+":4244",
			"--hubble-tls-cert-file", server.Cert,
			"--hubble-tls-key-file", server.Key,
			"--hubble-tls-client-ca-files", ca.File,
			"--hubble-peers-file", file,
		)
	}
	require.NoError(t, os.WriteFile(file, []byte(peers.String()), 0o600))
	for _, n := range c.nodes {
		n.start()
	}
	client := ca.Issue("relay")
	start(t, c.users, "hubble-relay", "serve",
		"--peer-service", c.at["one"]+":4244",
		"--tls-hubble-client-cert-file", client.Cert,
		"--tls-hubble-client-key-file", client.Key,
		"--tls-hubble-server-ca-files", ca.File,
		"--disable-server-tls", "--gops=false", "--retry-timeout", "1s",
		"--listen-address", c.relay, "--health-listen-address", "127.0.0.1:4222",
	)
	c.waitConnected()
	return c
}

// ask runs the command line with Relay as its server.
func (c *cluster) ask(args ...string) string {
	c.t.Helper()
	return run(c.t, c.users, "hubble", append(args, "--server", c.relay)...)
}

// try is ask, and the answer may be that there is none.
func (c *cluster) try(args ...string) string {
	c.t.Helper()
	p := start(c.t, c.users, "hubble", append(args, "--server", c.relay)...)
	p.wait()
	return p.stdout.String()
}

// waitConnected waits until Relay is connected to all nodes.
func (c *cluster) waitConnected() {
	c.t.Helper()
	waitUntil(c.t, func() bool {
		var nodes []struct{ Name, State string }
		if json.Unmarshal([]byte(c.try("list", "nodes", "-o", "json")), &nodes) != nil || len(nodes) != len(c.nodes) {
			return false
		}
		for _, n := range nodes {
			if n.State != "NODE_CONNECTED" {
				return false
			}
		}
		return true
	}, "Relay never had all nodes")
}

// drop has each node drop datagrams from so many ports, and returns which.
func (c *cluster) drop(first, n int) map[string][]int {
	c.t.Helper()
	dropped := map[string][]int{}
	for i, name := range slices.Sorted(maps.Keys(c.nodes)) {
		dropped[name] = ports(first+1000*i, n)
		c.send(c.at[name], dropped[name], deniedPort)
	}
	return dropped
}

// dropsOf returns the drops among responses by the names of nodes.
func dropsOf(all []response) (drops []response) {
	for _, r := range all {
		if r.Flow != nil {
			r.NodeName = strings.TrimPrefix(r.NodeName, "default/")
			drops = append(drops, r)
		}
	}
	return drops
}

// TestRelay has three nodes seen as one, by way of Relay and mTLS.
func TestRelay(t *testing.T) {
	c := startCluster(t)
	begin := time.Now().Format(time.RFC3339Nano)
	waitUntil(t, func() bool { return strings.Contains(c.try("status"), "Connected Nodes: 3/3") }, "Relay looks after its health every 5 s")
	nodes := c.ask("list", "nodes", "-o", "wide")
	for name, address := range c.at {
		require.Regexp(t, `(?m)^`+name+` +Connected .* `+address+`:4244 +Enabled$`, nodes)
	}

	want := c.drop(20000, 25)
	observe := []string{"observe", "--since", begin, "--type", "drop", "-o", "jsonpb"}
	var drops []response
	waitUntil(t, func() bool {
		drops = dropsOf(responses(t, lines(c.ask(observe...))))
		return len(drops) >= 75
	}, "not all drops came")
	requireEach(t, want, drops)
	require.True(t, slices.IsSortedFunc(drops, func(a, b response) int { return a.Time.Compare(b.Time) }), "in order of time")
	require.Contains(t, c.ask("observe", "--since", begin, "--verdict", "DROPPED", "--print-policy-names"),
		fmt.Sprintf("DENIED BY udp/%d (DenyRule)", deniedPort))

	// Its own connections with Relay, on the devices that are observed, are not among the flows.
	for _, r := range responses(t, lines(c.ask("observe", "--since", begin, "-o", "jsonpb"))) {
		require.True(t, r.Flow == nil || r.Flow.L4.TCP == nil, "%+v", r)
	}
}

// TestRelayHeals kills a node, and starts it again, while somebody follows by way of Relay: they see what it drops again,
// and nothing twice.
func TestRelayHeals(t *testing.T) {
	c := startCluster(t)
	follow := start(t, c.users, "hubble", "observe", "-f", "--since", time.Now().Format(time.RFC3339Nano),
		"--type", "drop", "-o", "jsonpb", "--server", c.relay)
	drops := func(n int) (drops []response) {
		t.Helper()
		waitUntil(t, func() bool {
			drops = dropsOf(responses(t, follow.stdout.lines()))
			return len(drops) >= n
		}, "not all drops came")
		return drops
	}
	want := c.drop(20000, 10)
	requireEach(t, want, drops(30))

	c.nodes["two"].kill()
	c.nodes["two"].start()
	c.waitConnected()
	for name, ports := range c.drop(30000, 10) {
		want[name] = append(want[name], ports...)
	}
	requireEach(t, want, drops(60))
}

// lines returns the lines of a text.
func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
