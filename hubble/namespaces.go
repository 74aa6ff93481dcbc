// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"cmp"
	"context"
	"slices"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"

	"github.com/cilium/monitor/agent"
)

const (
	// namespacesWindow is how far back namespaces are looked for, by the definition of the API.
	namespacesWindow = time.Hour

	// namespacesMaxAge is for how long the answer is given again: to find it the history is decoded.
	namespacesMaxAge = 10 * time.Second
)

// GetNamespaces implements observerpb.ObserverServer: the namespaces of the flows that the history has of the last hour.
func (o *observer) GetNamespaces(ctx context.Context, _ *observerpb.GetNamespacesRequest) (*observerpb.GetNamespacesResponse, error) {
	found, err := o.namespaces.get(namespacesMaxAge, func() ([]*observerpb.Namespace, error) { return o.findNamespaces(ctx) })
	return &observerpb.GetNamespacesResponse{Namespaces: found}, err
}

func (o *observer) findNamespaces(ctx context.Context) ([]*observerpb.Namespace, error) {
	names := map[[2]string]bool{}
	err := o.scan(ctx, time.Now().Add(-namespacesWindow), func(e agent.Event) {
		m, err := o.decoder.Decode(e)
		f, ok := m.(*flowpb.Flow)
		if err != nil || !ok {
			return
		}
		for _, endpoint := range []*flowpb.Endpoint{f.GetSource(), f.GetDestination()} {
			if name := endpoint.GetNamespace(); name != "" {
				names[[2]string{cmp.Or(endpoint.GetClusterName(), o.node.cluster), name}] = true
			}
		}
	})
	if err != nil {
		return nil, err
	}
	found := make([]*observerpb.Namespace, 0, len(names))
	for name := range names {
		found = append(found, &observerpb.Namespace{Cluster: name[0], Namespace: name[1]})
	}
	slices.SortFunc(found, func(a, b *observerpb.Namespace) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Namespace, b.Namespace))
	})
	return found, nil
}
