// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"net/netip"
	"slices"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// endpoint sets who has an address. identity is what the datapath says of it, which goes before what is known now: it is
// what was decided by. 0 says nothing.
func (d *Decoder) endpoint(m *flowpb.Endpoint, addr netip.Addr, identity uint32) {
	m.Identity = identity
	if d.opts.Getters.Endpoints != nil {
		if ep, ok := d.opts.Getters.Endpoints.EndpointByIP(addr); ok {
			setEndpoint(m, &ep)
			if m.ID != 0 {
				return
			}
		}
	}
	if d.opts.Getters.Identities != nil {
		if labels, ok := d.opts.Getters.Identities.IdentityLabels(m.Identity); ok {
			setLabels(m, labels)
		}
	}
}

// setEndpoint sets what is known of an endpoint. An identity that is set stays.
func setEndpoint(m *flowpb.Endpoint, ep *Endpoint) {
	m.ID = ep.ID
	if m.Identity == 0 {
		m.Identity = ep.Identity
	}
	m.Namespace, m.PodName = ep.Namespace, ep.Pod
	if ep.ID != 0 {
		setLabels(m, ep.Labels)
	}
	for _, w := range ep.Workloads {
		m.Workloads = append(m.Workloads, &flowpb.Workload{Name: w.Name, Kind: w.Kind})
	}
}

// clusterLabel is the key of the label that has the name of a cluster.
const clusterLabel = "io.cilium.k8s.policy.cluster"

// Identities that nobody but this node knows, those of addresses, are numbered from localIdentity on.
const (
	localIdentity     = 1 << 24
	identityScopeMask = 0xff << 24
)

// setLabels sets the labels of an endpoint, sorted, and the name of the cluster, which is one of them.
func setLabels(m *flowpb.Endpoint, labels []string) {
	labels = slices.Clone(labels)
	if m.Identity&identityScopeMask == localIdentity {
		labels = longestPrefix(labels)
	}
	slices.Sort(labels)
	m.Labels = labels
	for _, label := range labels {
		_, keyed, _ := strings.Cut(label, ":")
		if key, value, _ := strings.Cut(keyed, "="); key == clusterLabel {
			m.ClusterName = value
		}
	}
}

// cidrSource begins the label of a network. An identity has those of all networks that an address is in.
const cidrSource = "cidr:"

// longestPrefix leaves of the labels of networks that of the smallest, and removes those that are none.
func longestPrefix(labels []string) []string {
	bits, longest := 0, ""
	rest := labels[:0]
	for _, label := range labels {
		network, ok := strings.CutPrefix(label, cidrSource)
		if !ok {
			rest = append(rest, label)
			continue
		}
		prefix, err := netip.ParsePrefix(strings.ReplaceAll(network, "-", ":")) // a label can't have a colon in its key
		if err == nil && prefix.Bits() > bits {
			bits, longest = prefix.Bits(), label
		}
	}
	if longest != "" {
		rest = append(rest, longest)
	}
	return rest
}

// names sets the names of both sides, as the other one has looked them up.
func (d *Decoder) names(f *flowpb.Flow, src, dst netip.Addr) {
	names := d.opts.Getters.Names
	if names == nil {
		return
	}
	f.SourceNames = names.NamesOf(f.Destination.ID, src)
	f.DestinationNames = names.NamesOf(f.Source.ID, dst)
}

// services sets the services of both sides.
func (d *Decoder) services(f *flowpb.Flow, src, dst netip.AddrPort) {
	f.SourceService = d.service(src)
	f.DestinationService = d.service(dst)
}

// service returns the service with an address, nil if there is none.
func (d *Decoder) service(addr netip.AddrPort) *flowpb.Service {
	if d.opts.Getters.Services == nil {
		return nil
	}
	s, ok := d.opts.Getters.Services.ServiceByAddr(addr.Addr(), addr.Port())
	if !ok {
		return nil
	}
	return &flowpb.Service{Name: s.Name, Namespace: s.Namespace}
}
