// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"net/netip"
	"strconv"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	cgroups "github.com/cilium/cilium/pkg/cgroups/manager"
	"github.com/cilium/cilium/pkg/hubble/parser/getters"
	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/ipcache"
	corev1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/core/v1"
	metav1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/apis/meta/v1"
	"github.com/cilium/cilium/pkg/labels"
	policytypes "github.com/cilium/cilium/pkg/policy/types"

	"github.com/cilium/monitor/hubble/flow"
)

// hubbleWorld knows what is not in an event, and says it to our side as to Cilium's: an endpoint of this node,
// with the addresses and the id that samples have, others, a network, names and services.
type hubbleWorld struct{}

var hubbleEndpoint = flow.Endpoint{
	ID: 12, Identity: 4711, Namespace: "default", Pod: "web-1",
	Labels:    []string{"k8s:io.cilium.k8s.policy.cluster=east", "k8s:app=web", "reserved:host"},
	Workloads: []flow.Workload{{Name: "web", Kind: "StatefulSet"}},
}

// hubbleNetwork is the identity of a network, which this node alone knows.
const hubbleNetwork = 1<<24 | 5

func (hubbleWorld) local(ip netip.Addr) bool {
	return ip == netip.MustParseAddr("10.0.0.1") || ip == netip.MustParseAddr("fd00::1") || ip == netip.MustParseAddr("1.2.3.4")
}

// remote returns what is known of an address of another node.
func (hubbleWorld) remote(ip netip.Addr) (id uint32, namespace, pod string) {
	switch {
	case ip == netip.MustParseAddr("10.0.0.2") || ip == netip.MustParseAddr("fd00::2"):
		return 5000, "kube-system", "dns-1"
	case ip.IsValid() && ip.AsSlice()[len(ip.AsSlice())-1]%2 == 0:
		return hubbleNetwork, "", ""
	default:
		return 0, "", ""
	}
}

func (hubbleWorld) labels(id uint32) []string {
	switch id {
	case 5000:
		return []string{"k8s:io.cilium.k8s.policy.cluster=west", "k8s:app=dns"}
	case hubbleNetwork:
		return []string{"cidr:10.0.0.0/8", "reserved:world", "cidr:10.0.0.0/24", "cidr:fd00--/8", "cidr:0.0.0.0/0"}
	case uint32(identity.ReservedIdentityWorld):
		return []string{"reserved:world"}
	default:
		return nil
	}
}

// ours is hubbleWorld for our side.
type ours struct{ hubbleWorld }

func (o ours) EndpointByID(id uint16) (flow.Endpoint, bool) { return hubbleEndpoint, id == 12 }

func (o ours) EndpointByIP(ip netip.Addr) (flow.Endpoint, bool) {
	if o.local(ip) {
		return hubbleEndpoint, true
	}
	id, namespace, pod := o.remote(ip)
	return flow.Endpoint{Identity: id, Namespace: namespace, Pod: pod}, id != 0
}

func (o ours) IdentityLabels(id uint32) ([]string, bool) {
	all := o.labels(id)
	return all, all != nil
}

func (ours) NamesOf(endpoint uint32, ip netip.Addr) []string {
	return []string{"to-" + strconv.Itoa(int(endpoint)) + "." + ip.String() + ".example.com"}
}

func (ours) ServiceByAddr(_ netip.Addr, port uint16) (flow.Service, bool) {
	return flow.Service{Name: "port-" + strconv.Itoa(int(port)), Namespace: "default"}, port < 1000
}

func (ours) InterfaceName(ifindex uint32) (string, bool) { return "eth2", ifindex == 2 }

func (ours) AddrsOfCgroup(id uint64) []netip.Addr {
	if id != 4660 {
		return nil
	}
	return []netip.Addr{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("10.0.0.1")}
}

func (o ours) getters() flow.Getters {
	return flow.Getters{Endpoints: o, Identities: o, Names: o, Services: o, Interfaces: o, Cgroups: o}
}

// theirs is hubbleWorld for Cilium's side.
type theirs struct{ ours }

func (t theirs) GetEndpointInfo(ip netip.Addr) (getters.EndpointInfo, bool) {
	return endpointInfo{}, t.local(ip)
}

func (theirs) GetEndpointInfoByID(id uint16) (getters.EndpointInfo, bool) {
	return endpointInfo{}, id == 12
}

func (t theirs) GetIdentity(id uint32) (*identity.Identity, error) {
	return &identity.Identity{ID: identity.NumericIdentity(id), Labels: labels.NewLabelsFromModel(t.labels(id))}, nil
}

func (t theirs) GetNamesOf(endpoint uint32, ip netip.Addr) []string { return t.NamesOf(endpoint, ip) }

func (t theirs) GetK8sMetadata(ip netip.Addr) *ipcache.K8sMetadata {
	if t.local(ip) {
		return &ipcache.K8sMetadata{Namespace: hubbleEndpoint.Namespace, PodName: hubbleEndpoint.Pod}
	}
	_, namespace, pod := t.remote(ip)
	return &ipcache.K8sMetadata{Namespace: namespace, PodName: pod}
}

func (t theirs) LookupSecIDByIP(ip netip.Addr) (ipcache.Identity, bool) {
	id, _, _ := t.remote(ip)
	return ipcache.Identity{ID: identity.NumericIdentity(id)}, id != 0
}

func (t theirs) GetServiceByAddr(ip netip.Addr, port uint16) *flowpb.Service {
	s, ok := t.ServiceByAddr(ip, port)
	if !ok {
		return nil
	}
	return &flowpb.Service{Name: s.Name, Namespace: s.Namespace}
}

func (t theirs) GetIfNameCached(ifindex int) (string, bool) { return t.InterfaceName(uint32(ifindex)) }

func (t theirs) Name(ifindex uint32) string {
	name, _ := t.InterfaceName(ifindex)
	return name
}

func (t theirs) GetPodMetadataForContainer(id uint64) *cgroups.PodMetadata {
	m := &cgroups.PodMetadata{Name: hubbleEndpoint.Pod, Namespace: hubbleEndpoint.Namespace}
	for _, addr := range t.AddrsOfCgroup(id) {
		m.IPs = append(m.IPs, addr.String())
	}
	return m
}

// endpointInfo is hubbleEndpoint for Cilium's side.
type endpointInfo struct{}

func (endpointInfo) GetID() uint64 { return uint64(hubbleEndpoint.ID) }

func (endpointInfo) GetIdentity() identity.NumericIdentity {
	return identity.NumericIdentity(hubbleEndpoint.Identity)
}

func (endpointInfo) GetK8sPodName() string { return hubbleEndpoint.Pod }

func (endpointInfo) GetK8sNamespace() string { return hubbleEndpoint.Namespace }

func (endpointInfo) GetLabels() labels.Labels {
	return labels.NewLabelsFromModel(hubbleEndpoint.Labels)
}

func (endpointInfo) GetPod() *corev1.Pod {
	controller := true
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		GenerateName:    "web-",
		OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", Name: "web", Controller: &controller}},
	}}
}

func (endpointInfo) GetPolicyCorrelationInfoForKey(policytypes.Key) (info policytypes.PolicyCorrelationInfo, ok bool) {
	return info, false
}
