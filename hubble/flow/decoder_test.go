// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/hubble/flow"
)

var when = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func event(sample []byte) agent.Event {
	return agent.Event{Time: when, Payload: &payload.Payload{Type: payload.EventSample, CPU: 3, Data: sample}}
}

var (
	ethernet = &layers.Ethernet{
		SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4,
	}
	ipv4 = &layers.IPv4{
		Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2},
	}
	syn = &layers.TCP{SrcPort: 34567, DstPort: 80, SYN: true}
)

func packet(t testing.TB, all ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, all...))
	return buf.Bytes()
}

func drop(packet []byte) []byte {
	n := api.DropNotify{
		Type: api.MessageTypeDrop, SubType: 133, Source: 12, OrigLen: 1500, CapLen: uint16(len(packet)), Version: 3,
		SrcLabel: 4711, DstLabel: api.IdentityWorld, Line: 42, File: 2, Ifindex: 7,
	}
	return append(n.Append(nil), packet...)
}

// network is the identity of a network, which is known to this node alone.
const network = 1<<24 | 7

// world knows one endpoint, of this node, and one of another.
type world struct{}

func (world) EndpointByID(id uint16) (flow.Endpoint, bool) {
	ep, _ := world{}.EndpointByIP(netip.MustParseAddr("10.0.0.1"))
	return ep, id == 12
}

func (world) EndpointByIP(ip netip.Addr) (flow.Endpoint, bool) {
	switch ip.String() {
	case "10.0.0.1":
		return flow.Endpoint{
			ID: 12, Identity: 99, Namespace: "default", Pod: "web-1", Labels: []string{"k8s:b=2", "k8s:a=1"},
			Workloads: []flow.Workload{{Name: "web", Kind: "Deployment"}},
		}, true
	case "10.0.0.2":
		return flow.Endpoint{Identity: 5000, Namespace: "kube-system", Pod: "dns-1"}, true
	default:
		return flow.Endpoint{}, false
	}
}

func (world) IdentityLabels(identity uint32) ([]string, bool) {
	if identity == network {
		return []string{"cidr:10.0.0.0/8", "cidr:10.0.0.0/24", "cidr:0.0.0.0/0", "reserved:world"}, true
	}
	return []string{"reserved:world", "k8s:io.cilium.k8s.policy.cluster=east"}, identity == uint32(api.IdentityWorld)
}

func (world) NamesOf(endpoint uint32, ip netip.Addr) []string {
	return []string{fmt.Sprintf("to-%d.%s.example.com", endpoint, ip)}
}

func (world) ServiceByAddr(_ netip.Addr, port uint16) (flow.Service, bool) {
	return flow.Service{Name: "web", Namespace: "default"}, port == 80
}

func (world) InterfaceName(ifindex uint32) (string, bool) { return "eth7", ifindex == 7 }

func (world) AddrsOfCgroup(id uint64) []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("10.0.0.1")}
}

func (world) DenyRule(number uint32) (string, bool) { return "tcp/81", number <= 1 }

func knowing() *flow.Decoder {
	w := world{}
	return flow.NewDecoder(flow.Options{NodeName: "east/node-1", EmitterVersion: "1.2.3", Getters: flow.Getters{
		Endpoints: w, Identities: w, Names: w, Services: w, Interfaces: w, Cgroups: w, DenyRules: w,
	}})
}

// requireText checks that m is what text says. The UUID of a flow is another in each process.
func requireText(t *testing.T, text string, m proto.Message) {
	t.Helper()
	if f, ok := m.(*flowpb.Flow); ok {
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, f.GetUuid())
		f.Uuid = ""
	}
	want := m.ProtoReflect().New().Interface()
	require.NoError(t, prototext.Unmarshal([]byte(text), want))
	if !proto.Equal(want, m) {
		require.Equal(t, prototext.Format(want), prototext.Format(m))
	}
}

func TestDrop(t *testing.T) {
	m, err := knowing().Decode(event(drop(packet(t, ethernet, ipv4, syn))))
	require.NoError(t, err)
	requireText(t, `
		time: {seconds: 1767323045 nanos: 6}
		emitter: {name: "Hubble" version: "1.2.3"}
		node_name: "east/node-1"
		verdict: DROPPED drop_reason: 133 drop_reason_desc: POLICY_DENIED
		ethernet: {source: "02:00:00:00:00:01" destination: "02:00:00:00:00:02"}
		IP: {source: "10.0.0.1" destination: "10.0.0.2" ipVersion: IPv4}
		l4: {TCP: {source_port: 34567 destination_port: 80 flags: {SYN: true}}}
		source: {
			ID: 12 identity: 4711 namespace: "default" pod_name: "web-1" labels: "k8s:a=1" labels: "k8s:b=2"
			workloads: {name: "web" kind: "Deployment"}
		}
		destination: {
			identity: 2 namespace: "kube-system" pod_name: "dns-1" cluster_name: "east"
			labels: "k8s:io.cilium.k8s.policy.cluster=east" labels: "reserved:world"
		}
		Type: L3_L4
		source_names: "to-0.10.0.0.1.example.com" destination_names: "to-12.10.0.0.2.example.com"
		destination_service: {name: "web" namespace: "default"}
		event_type: {type: 1 sub_type: 133}
		traffic_direction: EGRESS
		file: {name: "bpf_lxc.c" line: 42}
		interface: {index: 7 name: "eth7"}
		Summary: "TCP Flags: SYN"`, m)
}

// TestIncompletePackets checks that what is known of a packet is told also if its last header is not whole, or of what
// flows have nothing of.
func TestIncompletePackets(t *testing.T) {
	whole := packet(t, ethernet, ipv4, syn)
	bare := flow.NewDecoder(flow.Options{})
	decode := func(packet []byte) *flowpb.Flow {
		m, err := bare.Decode(event(drop(packet)))
		require.NoError(t, err)
		return m.(*flowpb.Flow)
	}
	const synSize = 14 + 20 + 20
	for size := range synSize {
		f := decode(whole[:size])
		require.Equal(t, size >= 14, f.GetEthernet() != nil, size)
		require.Equal(t, size >= 14+20, f.GetIP().GetDestination() == "10.0.0.2", size)
		require.Equal(t, size >= 14+20+4, f.GetL4().GetTCP().GetDestinationPort() == 80, size)
		require.Equal(t, size >= 14+20+14, f.GetL4().GetTCP().GetFlags().GetSYN(), size)
	}
	require.Equal(t, "TCP Flags: SYN [cut]", decode(whole[:synSize-1]).GetSummary())
	require.Equal(t, "IPv4", decode(whole[:14+20]).GetSummary())
	require.Equal(t, "IPv4 [cut]", decode(whole[:14+20+3]).GetSummary())

	wrong := append([]byte(nil), whole...)
	wrong[14+20+12] = 0x40 // a data offset that is too small
	require.Equal(t, "TCP Flags: SYN [malformed]", decode(wrong).GetSummary())

	vlan := append(append(append([]byte(nil), whole[:12]...), 0x81, 0, 0, 5), whole[12:]...)
	require.Equal(t, "TCP Flags: SYN", decode(vlan).GetSummary())

	fragment := append([]byte(nil), whole...)
	fragment[14+6] = 0x20 // more fragments
	require.EqualValues(t, 80, decode(fragment).GetL4().GetTCP().GetDestinationPort())
	fragment[14+7] = 1 // not the first
	require.Nil(t, decode(fragment).GetL4())

	padded := append(drop(whole[:14]), 1, 2, 3, 4, 5, 6, 7)
	m, err := bare.Decode(event(padded))
	require.NoError(t, err)
	require.Equal(t, "Ethernet", m.(*flowpb.Flow).GetSummary(), "the kernel's padding is no packet")
}

func TestOwnDatapath(t *testing.T) {
	unregister, err := api.RegisterDropReason(222, "Too late")
	require.NoError(t, err)
	defer unregister()
	whole := packet(t, ethernet, ipv4, syn)
	sample := drop(whole)
	sample[1] = 222
	d := knowing()
	m, err := d.Decode(event(sample))
	require.NoError(t, err)
	require.Equal(t, "Too late: TCP Flags: SYN", m.(*flowpb.Flow).GetSummary())

	verdict := api.PolicyVerdictNotify{
		Type: api.MessageTypePolicyVerdict, CapLen: uint16(len(whole)), Verdict: -133, Flags: api.PolicyIngress, Cookie: 1,
	}
	m, err = d.Decode(event(append(verdict.Append(nil), whole...)))
	require.NoError(t, err)
	require.Equal(t, "tcp/81", m.(*flowpb.Flow).GetIngressDeniedBy()[0].GetName())
}

func TestKernelDrop(t *testing.T) {
	whole := packet(t, ethernet, ipv4, syn)
	n := api.KernelDropNotify{
		Type: api.MessageTypeKernelDrop, Direction: api.KernelDropIngress, CapLen: uint16(len(whole)), Reason: 3, Ifindex: 9,
		Device: "veth9", ReasonName: "NO_SOCKET", Function: "tcp_v4_rcv",
	}
	f := decode(t, append(n.Append(nil), whole...))
	require.Equal(t, flowpb.Verdict_DROPPED, f.GetVerdict())
	require.Equal(t, "NO_SOCKET in tcp_v4_rcv: TCP Flags: SYN", f.GetSummary())
	require.Equal(t, "veth9", f.GetInterface().GetName())
	require.Equal(t, flowpb.TrafficDirection_INGRESS, f.GetTrafficDirection())
	require.Equal(t, "web-1", f.GetSource().GetPodName())

	n.Device, n.Flags, n.Ifindex = "", api.FlagOtherNetNS, 7
	f = decode(t, append(n.Append(nil), whole...))
	require.EqualValues(t, 7, f.GetInterface().GetIndex())
	require.Empty(t, f.GetInterface().GetName(), "it is none of this namespace's")

	n.Flags, n.Protocol, n.CapLen = api.FlagL3Device, 0x0806, 28
	f = decode(t, append(n.Append(nil), make([]byte, 28)...))
	require.Nil(t, f.GetIP(), "ARP is no IP")
}

func decode(t testing.TB, sample []byte) *flowpb.Flow {
	t.Helper()
	m, err := knowing().Decode(event(sample))
	require.NoError(t, err)
	return m.(*flowpb.Flow)
}

func TestSocket(t *testing.T) {
	n := api.TraceSockNotify{
		Type: api.MessageTypeTraceSock, XlatePoint: api.XlatePointPostRev, L4Proto: api.TraceSockTCP, DstPort: 443, SockCookie: 5,
		CgroupID: 6, DstIP: [16]byte{10, 96, 0, 1},
	}
	m, err := knowing().Decode(event(n.Append(nil)))
	require.NoError(t, err)
	f := m.(*flowpb.Flow)
	require.Equal(t, flowpb.Verdict_TRANSLATED, f.GetVerdict())
	require.Equal(t, "10.96.0.1", f.GetIP().GetSource())
	require.Equal(t, "10.0.0.1", f.GetIP().GetDestination())
	require.Equal(t, "web-1", f.GetDestination().GetPodName())
	require.EqualValues(t, 443, f.GetL4().GetTCP().GetSourcePort())

	m, err = flow.NewDecoder(flow.Options{}).Decode(event(n.Append(nil)))
	require.NoError(t, err)
	require.Empty(t, m.(*flowpb.Flow).GetIP().GetDestination(), "and it is shown without who asked")
}

func TestOthers(t *testing.T) {
	d := knowing()
	debug := api.DebugMsg{Type: api.MessageTypeDebug, SubType: api.DebugLXCFound, Source: 12, Hash: 1, Arg1: 7, Arg2: 0x0100}
	m, err := d.Decode(event(debug.Append(nil)))
	require.NoError(t, err)
	requireText(t, `
		type: DBG_LXC_FOUND
		source: {ID: 12 identity: 99 namespace: "default" pod_name: "web-1" labels: "k8s:a=1" labels: "k8s:b=2"}
		hash: {value: 1} arg1: {value: 7} arg2: {value: 256} arg3: {} cpu: {value: 3}
		message: "Local container found ifindex eth7 seclabel 1"`, m)

	notify, err := api.PolicyUpdateMessage(3, []string{"a"}, 9).ToJSON()
	require.NoError(t, err)
	m, err = d.Decode(event(notify.Append(nil)))
	require.NoError(t, err)
	requireText(t, `type: POLICY_UPDATED policy_update: {rule_count: 3 labels: "a" revision: 9}`, m)

	m, err = d.Decode(agent.Event{Payload: &payload.Payload{Type: payload.RecordLost, CPU: 2, Lost: 5}})
	require.NoError(t, err)
	requireText(t, `source: PERF_EVENT_RING_BUFFER num_events_lost: 5 cpu: {value: 2}`, m)
	m, err = d.Decode(agent.Event{Payload: &payload.Payload{Type: payload.RecordLost, CPU: payload.CPULostByReader, Lost: 5}})
	require.NoError(t, err)
	requireText(t, `source: HUBBLE_RING_BUFFER num_events_lost: 5`, m)
}

func TestErrors(t *testing.T) {
	d := flow.NewDecoder(flow.Options{})
	for _, sample := range [][]byte{nil, {api.MessageTypeDrop, 1}, {250, 1}, {api.MessageTypeAgent, 1}, {api.MessageTypeAccessLog, 1}} {
		m, err := d.Decode(event(sample))
		require.Nil(t, m)
		var decodeError *api.DecodeError
		require.ErrorAs(t, err, &decodeError)
	}
	unregister, err := api.RegisterMessageType(200, "own")
	require.NoError(t, err)
	defer unregister()
	m, err := d.Decode(event([]byte{200}))
	require.NoError(t, err)
	require.Nil(t, m, "Hubble has nothing of such an event")
}

// TestUUID checks that an event has the same UUID each time it is decoded, and another one has another.
func TestUUID(t *testing.T) {
	sample := drop(packet(t, ethernet, ipv4, syn))
	uuid := func(e agent.Event) string {
		m, err := flow.NewDecoder(flow.Options{}).Decode(e)
		require.NoError(t, err)
		return m.(*flowpb.Flow).GetUuid()
	}
	first := event(sample)
	later := event(sample)
	later.Time = when.Add(1)
	require.Equal(t, uuid(first), uuid(first))
	require.NotEqual(t, uuid(first), uuid(later))
}

// TestAllocations checks that a flow takes three allocations: its messages, those of TCP, and their text.
func TestAllocations(t *testing.T) {
	d := flow.NewDecoder(flow.Options{NodeName: "east/node-1"})
	e := event(drop(packet(t, ethernet, ipv4, syn)))
	least := math.Inf(1) // the race detector has pools lose something now and then
	for range 100 {
		least = min(least, testing.AllocsPerRun(1, func() {
			if _, err := d.Decode(e); err != nil {
				t.Fatal(err)
			}
		}))
	}
	require.Equal(t, 3.0, least)
}

func BenchmarkDecode(b *testing.B) {
	d := flow.NewDecoder(flow.Options{NodeName: "east/node-1"})
	e := event(drop(packet(b, ethernet, ipv4, syn)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(e); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzDecode checks that no sample makes the decoder panic, and that what it makes can be sent.
func FuzzDecode(f *testing.F) {
	f.Add(drop(packet(f, ethernet, ipv4, syn)))
	f.Add([]byte{api.MessageTypeDebug, 4, 12, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0})
	d := knowing()
	f.Fuzz(func(t *testing.T, sample []byte) {
		m, err := d.Decode(event(sample))
		if err != nil || m == nil {
			return
		}
		_, err = proto.Marshal(m)
		require.NoError(t, err)
	})
}
