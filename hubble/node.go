// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"fmt"
	"os"
)

// node is what this node is called.
type node struct {
	name, cluster string
}

func newNode(cfg Config) (node, error) {
	n := node{name: cfg.HubbleNodeName, cluster: cfg.ClusterName}
	if n.name == "" {
		host, err := os.Hostname()
		if err != nil {
			return n, fmt.Errorf("the name of this node, which --%s can say: %w", flagNodeName, err)
		}
		n.name = host
	}
	return n, nil
}

// String returns the name as it is in flows: CLUSTER/NAME.
func (n node) String() string { return n.cluster + "/" + n.name }

// fullName returns the name of a node as it is among peers: without the cluster if that has none of its own.
func (n node) fullName(name string) string {
	if n.cluster == defaultClusterName {
		return name
	}
	return n.cluster + "/" + name
}
