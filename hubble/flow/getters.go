// SPDX-License-Identifier: Apache-2.0

package flow

import "net/netip"

// Getters know what the datapath doesn't. Each may be nil, and each may be called by several goroutines at once, for each
// flow: they should answer from memory. What they return is not changed, and may be shared.
type Getters struct {
	Endpoints  EndpointGetter
	Identities IdentityGetter
	Names      NameGetter
	Services   ServiceGetter
	Interfaces InterfaceGetter
	Cgroups    CgroupGetter
	DenyRules  DenyRuleGetter
}

// EndpointGetter knows endpoints.
type EndpointGetter interface {
	// EndpointByID returns the endpoint of this node with an id.
	EndpointByID(id uint16) (Endpoint, bool)

	// EndpointByIP returns the endpoint with an address, of this node or of another.
	EndpointByIP(ip netip.Addr) (Endpoint, bool)
}

// Endpoint is what talks: a pod, a container, a host.
type Endpoint struct {
	// ID is the id of an endpoint of this node, 0 for all others.
	ID uint32

	// Identity is its security identity, 0 if it is not known. What the datapath says goes before it.
	Identity uint32

	// Namespace and Pod are those of Kubernetes, empty for what is no pod.
	Namespace, Pod string

	// Labels are like "k8s:app=web". With an ID they are the endpoint's; without, those of its identity are asked from
	// [IdentityGetter], and these are not used.
	Labels []string

	// Workloads are what it is a part of, such as a Deployment.
	Workloads []Workload
}

// Workload is what an endpoint is a part of.
type Workload struct {
	Name, Kind string
}

// IdentityGetter knows security identities.
type IdentityGetter interface {
	// IdentityLabels returns the labels of an identity, like "k8s:app=web".
	IdentityLabels(identity uint32) (labels []string, ok bool)
}

// NameGetter knows DNS names.
type NameGetter interface {
	// NamesOf returns the names, without a dot at the end, by which an endpoint has looked up an address. The id is 0 for
	// an endpoint that is not of this node, or not known.
	NamesOf(endpoint uint32, ip netip.Addr) []string
}

// ServiceGetter knows services.
type ServiceGetter interface {
	// ServiceByAddr returns the service with an address and a port, as a frontend or a backend. The port is 0 for
	// protocols that have none.
	ServiceByAddr(ip netip.Addr, port uint16) (Service, bool)
}

// Service is a service of Kubernetes.
type Service struct {
	Name, Namespace string
}

// InterfaceGetter knows network interfaces, as [LocalInterfaces] does.
type InterfaceGetter interface {
	// InterfaceName returns the name of an interface.
	InterfaceName(ifindex uint32) (name string, ok bool)
}

// CgroupGetter knows control groups, which is all that the translation of a socket's address has of who asked for it.
type CgroupGetter interface {
	// AddrsOfCgroup returns the addresses of the pod with a control group.
	AddrsOfCgroup(id uint64) []netip.Addr
}

// DenyRuleGetter knows the deny rules of the monitor's own datapath.
type DenyRuleGetter interface {
	// DenyRule returns the text of the rule with a number, from 1 on.
	DenyRule(number uint32) (text string, ok bool)
}
