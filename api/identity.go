// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"strconv"
)

// NumericIdentity is a security identity.
type NumericIdentity uint32

// Reserved identities. Those from 11 on stand for all identities of a kind.
const (
	IdentityUnknown              NumericIdentity = 0
	IdentityHost                 NumericIdentity = 1
	IdentityWorld                NumericIdentity = 2
	IdentityUnmanaged            NumericIdentity = 3
	IdentityHealth               NumericIdentity = 4
	IdentityInit                 NumericIdentity = 5
	IdentityRemoteNode           NumericIdentity = 6
	IdentityKubeAPIServer        NumericIdentity = 7
	IdentityIngress              NumericIdentity = 8
	IdentityWorldIPv4            NumericIdentity = 9
	IdentityWorldIPv6            NumericIdentity = 10
	IdentityAggregateCluster     NumericIdentity = 11
	IdentityAggregateClusterMesh NumericIdentity = 12
	IdentityAggregateWorld       NumericIdentity = 13
	IdentityAggregateRemoteNode  NumericIdentity = 14
)

var reservedIdentities = []string{
	IdentityUnknown:              "unknown",
	IdentityHost:                 "host",
	IdentityWorld:                "world",
	IdentityUnmanaged:            "unmanaged",
	IdentityHealth:               "health",
	IdentityInit:                 "init",
	IdentityRemoteNode:           "remote-node",
	IdentityKubeAPIServer:        "kube-apiserver",
	IdentityIngress:              "ingress",
	IdentityWorldIPv4:            "world-ipv4",
	IdentityWorldIPv6:            "world-ipv6",
	IdentityAggregateCluster:     "aggregate-cluster",
	IdentityAggregateClusterMesh: "aggregate-cluster-mesh",
	IdentityAggregateWorld:       "aggregate-world",
	IdentityAggregateRemoteNode:  "aggregate-remote-node",
}

// Name returns the name of a reserved identity and whether id is one.
func (id NumericIdentity) Name() (string, bool) {
	if id < NumericIdentity(len(reservedIdentities)) {
		return reservedIdentities[id], true
	}
	return "", false
}

// String returns the name of a reserved identity and the decimal number of any other.
func (id NumericIdentity) String() string {
	if name, ok := id.Name(); ok {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// ParseNumericIdentity returns the identity of the name of a reserved identity or of a
// decimal number.
func ParseNumericIdentity(s string) (NumericIdentity, error) {
	for id, name := range reservedIdentities {
		if name == s {
			return NumericIdentity(id), nil
		}
	}
	id, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("identity %q is neither a number nor the name of a reserved identity", s)
	}
	return NumericIdentity(id), nil
}
