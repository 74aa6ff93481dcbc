// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	goast "go/ast"
	goparser "go/parser"
	gotoken "go/token"
	"log/slog"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	hubbletypes "github.com/cilium/cilium/pkg/hubble/observer/types"
	"github.com/cilium/cilium/pkg/hubble/parser"
	"github.com/cilium/cilium/pkg/hubble/parser/options"
	ciliumlog "github.com/cilium/cilium/pkg/proxy/accesslog"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/hubble/flow"
)

const hubbleNode = "east/node-1"

var hubbleTime = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// flows decodes events on both sides.
type flows struct {
	ours   *flow.Decoder
	theirs *parser.Parser
	forget []byte // a sample after which Cilium's side remembers nothing of earlier packets
}

func newFlows(t testing.TB) *flows {
	t.Helper()
	w := theirs{}
	p, err := parser.New(slog.New(slog.DiscardHandler), w, w, w, w, w, w, w, options.WithSkipUnknownCGroupIDs(false))
	require.NoError(t, err)
	return &flows{
		ours:   flow.NewDecoder(flow.Options{NodeName: hubbleNode, Getters: ours{}.getters()}),
		theirs: p,
		forget: trace("", packet(t, ether4, ip4(layers.IPProtocolUDP), query), nil).payload.Data,
	}
}

func (f *flows) decodeOurs(sample []byte) (proto.Message, error) {
	pl := &payload.Payload{Type: payload.EventSample, CPU: 3, Data: sample}
	m, err := f.ours.Decode(agent.Event{Time: hubbleTime, Payload: pl})
	if m, ok := m.(*flowpb.Flow); ok {
		m.Uuid, m.Emitter = "", nil
	}
	return m, err
}

func (f *flows) decodeTheirs(event any) (proto.Message, error) {
	v, err := f.theirs.Decode(&hubbletypes.MonitorEvent{Timestamp: hubbleTime, NodeName: hubbleNode, Payload: event})
	if err != nil {
		return nil, err
	}
	if m, ok := v.Event.(*flowpb.Flow); ok {
		m.Uuid, m.Emitter = "", nil
	}
	return v.Event.(proto.Message), nil
}

// decodeDatapath decodes a sample of the datapath on Cilium's side. The padding is no part of the packet.
func (f *flows) decodeDatapath(sample []byte) (proto.Message, error) {
	if _, err := f.decodeTheirs(&hubbletypes.PerfEvent{CPU: 3, Data: f.forget}); err != nil {
		return nil, err
	}
	return f.decodeTheirs(&hubbletypes.PerfEvent{CPU: 3, Data: withoutHubblePadding(sample)})
}

// decodeDatapathOnce does no more of it than Cilium's agent does.
func (f *flows) decodeDatapathOnce(sample []byte) (proto.Message, error) {
	return f.decodeTheirs(&hubbletypes.PerfEvent{CPU: 3, Data: sample})
}

// withoutHubblePadding returns a sample without what the kernel leaves behind its packet.
func withoutHubblePadding(sample []byte) []byte {
	const capLen, maxPadding = 12, 7
	begin := packetBegin(sample)
	if begin == 0 {
		return sample
	}
	end := begin + int(binary.NativeEndian.Uint16(sample[capLen:]))
	if padding := len(sample) - end; padding > 0 && padding <= maxPadding {
		return sample[:end]
	}
	return sample
}

// packetBegin returns where the packet in a sample begins, 0 if it has none.
func packetBegin(sample []byte) int {
	var e api.Event
	_ = e.Decode(sample) // which fails if the number of captured bytes is wrong, too
	begin := map[int]int{
		api.MessageTypeDrop: e.Drop.DataOffset(), api.MessageTypeTrace: e.Trace.DataOffset(),
		api.MessageTypePolicyVerdict: e.PolicyVerdict.DataOffset(), api.MessageTypeCapture: e.Capture.DataOffset(),
	}[e.Type]
	if begin > len(sample) {
		return 0
	}
	return begin
}

// requireSame checks that both sides make the same of a sample of the datapath, but for what docs/hubble.md has as
// different, and returns what that is.
func (f *flows) requireSame(t testing.TB, name string, sample []byte) (difference string) {
	t.Helper()
	what := fmt.Sprintf("%s, %x", name, sample)
	got, err := f.decodeOurs(sample)
	want, theirErr := f.decodeDatapath(sample)
	if err != nil {
		if theirErr == nil {
			require.True(t, refused(sample), what)
			return "unknown version"
		}
		return "error"
	}
	if theirErr != nil {
		f.requireSameWithoutPacket(t, what, sample, got.(*flowpb.Flow))
		return "no flow"
	}
	if m, ok := want.(*flowpb.Flow); ok {
		if g := got.(*flowpb.Flow); goesOn(m, g) {
			f.requireSameWithoutPacket(t, what, sample, g)
			return "more of the packet"
		}
		difference = known(sample, m)
		if tunnel := m.GetTunnel(); tunnel != nil && tunnel.GetVni() != outerVNI(sample) {
			tunnel.Vni = outerVNI(sample) // of several tunnels, Cilium's side has the last one's
			difference = "network of several tunnels"
		}
	}
	if m, ok := want.(*flowpb.DebugEvent); ok && m.GetType() == flowpb.DebugEventType_DBG_LXC_FOUND {
		m.Message = strings.Replace(m.GetMessage(), "ifindex  ", "ifindex "+theirs{}.Name(m.GetArg1().GetValue())+" ", 1)
		difference = "interface of a debug message"
	}
	requireEqual(t, what, want, got)
	return difference
}

func requireEqual(t testing.TB, what string, want, got proto.Message) {
	t.Helper()
	if !proto.Equal(want, got) {
		require.Equal(t, prototext.Format(want), prototext.Format(got), what)
	}
}

// refused tells whether a sample has a version or an extension that nobody knows. Cilium takes some for another.
func refused(sample []byte) bool {
	const version, extension = 14, 15
	return sample[version] > 1 || sample[extension] != 0
}

// outerVNI returns the number of the network in the header behind Ethernet, IPv4 and UDP.
func outerVNI(sample []byte) uint32 {
	packet := sample[packetBegin(sample):]
	const ethernet, udp, offVNI = 14, 8, 4
	return binary.BigEndian.Uint32(packet[ethernet+int(packet[ethernet]&0xf)*4+udp+offVNI:]) >> 8
}

// known sets what our side says otherwise of what both sides understand.
func known(sample []byte, m *flowpb.Flow) (difference string) {
	var e api.Event
	_ = e.Decode(sample)
	switch e.Type {
	case api.MessageTypeDrop:
		if i := e.Drop.Ifindex; i != 0 {
			m.Interface = &flowpb.NetworkInterface{Index: i, Name: theirs{}.Name(i)}
			return "interface of a drop"
		}
	case api.MessageTypePolicyVerdict:
		if i := e.PolicyVerdict.Ifindex; i != 0 {
			m.Interface = &flowpb.NetworkInterface{Index: i, Name: theirs{}.Name(i)}
			return "interface of a verdict"
		}
	case api.MessageTypeCapture:
		if s := e.Capture.SubType; s == api.CaptureProxyPre || s == api.CaptureProxyPost {
			m.ProxyPort = uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, uint16(e.Capture.Arg1))))
			return "port of a proxy"
		}
	}
	return ""
}

// goesOn tells whether our side has seen more of a packet: what is behind a VLAN tag, an extension header, or in
// the first fragment. There may be no more than the mark of a header that is not whole, which is an error for Cilium's.
func goesOn(their, our *flowpb.Flow) bool {
	return their.GetIP() == nil && our.GetIP() != nil || strings.HasSuffix(our.GetSummary(), "]") ||
		their.GetL4() == nil && our.GetL4() != nil && (their.GetSummary() == "IPv6" || their.GetSummary() == "IPv4")
}

// requireSameWithoutPacket checks a flow of a packet of which Cilium's side has nothing, or less.
func (f *flows) requireSameWithoutPacket(t testing.TB, what string, sample []byte, got *flowpb.Flow) {
	t.Helper()
	want, err := f.decodeDatapath(sample[:packetBegin(sample)])
	require.NoError(t, err, what)
	known(sample, want.(*flowpb.Flow))
	for _, m := range []*flowpb.Flow{want.(*flowpb.Flow), got} {
		m.Ethernet, m.IP, m.L4, m.Tunnel, m.Summary = nil, nil, nil, nil, ""
		m.Source, m.Destination, m.SourceNames, m.DestinationNames = nil, nil, nil, nil
		m.SourceService, m.DestinationService, m.TrafficDirection = nil, nil, 0
	}
	requireEqual(t, what, want, got)
}

// TestHubbleFlows checks that both sides make the same messages of all samples.
func TestHubbleFlows(t *testing.T) {
	f := newFlows(t)
	differences := make(map[string]int)
	for _, e := range events(t) {
		switch e.payload.Data[0] {
		case api.MessageTypeAgent, api.MessageTypeAccessLog:
		default:
			differences[f.requireSame(t, e.name, e.payload.Data)]++
		}
	}
	t.Log(differences)
	require.Zero(t, differences["error"])
	require.Greater(t, differences[""], 250)

	for _, n := range notifications() {
		want, err := f.decodeTheirs(&hubbletypes.AgentEvent{Type: api.MessageTypeAgent, Message: n.cilium})
		require.NoError(t, err)
		got, err := f.decodeOurs(n.sample(t))
		require.NoError(t, err)
		requireEqual(t, n.name, want, got)
	}
}

// TestHubbleAccessLog checks that both sides make the same flows of access log records, and know what a response answers.
func TestHubbleAccessLog(t *testing.T) {
	f := newFlows(t)
	all := records()
	traced := func(typ accesslog.FlowType, at, id, parent string) record {
		r := all[0].record
		http := *r.HTTP
		http.Headers = map[string][]string{"X-Request-Id": {id}, "Traceparent": {parent}}
		r.Type, r.Timestamp, r.HTTP = typ, "2026-01-02T03:04:"+at+"Z", &http
		return record{fmt.Sprintf("%s at %s, id %q, parent %q", typ, at, id, parent), r}
	}
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	all = append(all,
		traced(accesslog.TypeRequest, "01.5", "a", parent), traced(accesslog.TypeRequest, "02", "b", ""),
		traced(accesslog.TypeResponse, "01.75", "a", ""), traced(accesslog.TypeResponse, "01", "b", parent),
		traced(accesslog.TypeResponse, "05", "c", parent), traced(accesslog.TypeRequest, "06", "", parent),
	)
	for _, wrong := range []string{
		"ff" + parent[2:], parent + "-x", "01" + parent[2:] + "-x", strings.ToUpper(parent), parent[:len(parent)-2] + "04",
		strings.Replace(parent, "b7ad6b7169203331", "0000000000000000", 1), parent[:40], "00-", parent + "-",
	} {
		all = append(all, traced(accesslog.TypeRequest, "07", "d", wrong))
	}
	for _, r := range all {
		sample, err := r.record.Append(nil)
		require.NoError(t, err)
		var their ciliumlog.LogRecord
		require.NoError(t, gob.NewDecoder(bytes.NewReader(sample[1:])).Decode(&their))
		want, err := f.decodeTheirs(&hubbletypes.AgentEvent{Type: api.MessageTypeAccessLog, Message: their})
		require.NoError(t, err)
		got, err := f.decodeOurs(sample)
		require.NoError(t, err)
		requireEqual(t, r.name, want, got)
	}
}

// TestHubbleMutated checks it of packets that are not as they should be.
func TestHubbleMutated(t *testing.T) {
	f := newFlows(t)
	random := rand.New(rand.NewPCG(1, 2))
	differences := make(map[string]int)
	for _, e := range slices.Concat(drops(t), traces(t), packets(t), verdicts(t), captures(t), hubblePackets(t)) {
		for range mutations {
			differences[f.requireSame(t, e.name, mutated(random, e.payload.Data))]++
		}
	}
	t.Log(differences)
	require.Greater(t, differences[""], 3000)
	require.Greater(t, differences["no flow"], 1000)
	require.Greater(t, differences["more of the packet"], 100)
}

// hubblePackets are packets behind VLAN tags and extension headers, in fragments, and in several tunnels.
func hubblePackets(t testing.TB) (all []event) {
	flags := func(f uint8) func(*api.TraceNotify) { return func(n *api.TraceNotify) { n.Flags = f } }
	vlan := *ether4
	vlan.EthernetType = layers.EthernetTypeDot1Q
	tagged := packet(t, &vlan, &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4}, ip4(layers.IPProtocolTCP), syn)
	fragment := ip4(layers.IPProtocolTCP)
	fragment.Flags = layers.IPv4MoreFragments
	hop := ip6(layers.IPProtocolIPv6HopByHop)
	inIP, in6 := ip4(layers.IPProtocolIPv4), ip4(layers.IPProtocolIPv6)
	return []event{
		trace("VLAN", tagged, nil),
		trace("first fragment", packet(t, ether4, fragment, syn), nil),
		trace("hop by hop", packet(t, ether6, hop, gopacket.Payload{6, 0, 5, 2, 0, 0, 1, 0}, syn), nil),
		trace("IP in IP", packet(t, ether4, inIP, ip4(layers.IPProtocolUDP), query), nil),
		trace("IPv6 in IP", packet(t, ether4, in6, ip6(layers.IPProtocolTCP), syn), nil),
		trace("VXLAN in VXLAN", packet(t, tunnelled(8472, &layers.VXLAN{ValidIDFlag: true, VNI: 42},
			tunnelled(4789, &layers.VXLAN{ValidIDFlag: true, VNI: 42}, ether4, ip4(layers.IPProtocolTCP), syn)...)...), flags(api.FlagVXLAN)),
		trace("Geneve with options", packet(t, tunnelled(6081, &layers.Geneve{
			Protocol: layers.EthernetTypeTransparentEthernetBridging, VNI: 42,
			Options: []*layers.GeneveOption{{Class: 1, Type: 2, Data: []byte{1, 2, 3, 4}}},
		}, ether4, ip4(layers.IPProtocolTCP), syn)...), flags(api.FlagGeneve)),
	}
}

// TestHubbleGoesOn checks that what our side has of packets that Cilium's Hubble does not look into is what that has of the
// same packets without what it stops at.
func TestHubbleGoesOn(t *testing.T) {
	f := newFlows(t)
	plain := packet(t, ether4, ip4(layers.IPProtocolTCP), syn)
	vlan := slices.Concat(plain[:12], []byte{0x88, 0xa8, 0, 5, 0x81, 0, 0, 6}, plain[12:])
	fragment := slices.Clone(plain)
	fragment[14+6] |= 0x20
	plain6 := packet(t, ether6, ip6(layers.IPProtocolTCP), syn)
	extended := slices.Concat(plain6[:14+40], []byte{60, 0, 4, 0, 0, 0, 0, 0}, []byte{44, 0, 1, 4, 0, 0, 0, 0}, []byte{6, 0, 0, 1, 0, 0, 0, 9}, plain6[14+40:])
	extended[14+6] = byte(layers.IPProtocolIPv6Routing)
	binary.BigEndian.PutUint16(extended[14+4:], uint16(len(extended)-14-40))
	for _, c := range []struct {
		what           string
		ours, expected []byte
	}{{"VLAN", vlan, plain}, {"fragment", fragment, plain}, {"extension headers", extended, plain6}} {
		got, err := f.decodeOurs(trace("", c.ours, nil).payload.Data)
		require.NoError(t, err)
		want, err := f.decodeDatapath(trace("", c.expected, nil).payload.Data)
		require.NoError(t, err)
		requireEqual(t, c.what, want, got)
	}
}

// TestHubbleParsersCases checks the samples that the tests of Cilium's parser have as bytes.
func TestHubbleParsersCases(t *testing.T) {
	f := newFlows(t)
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cilium/cilium").Output()
	require.NoError(t, err)
	file := filepath.Join(strings.TrimSpace(string(dir)), "pkg/hubble/parser/threefour/parser_test.go")
	tree, err := goparser.ParseFile(gotoken.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	differences := make(map[string]int)
	goast.Inspect(tree, func(n goast.Node) bool {
		if sample := byteLiteral(n); len(sample) > api.CaptureHeaderLen {
			differences[f.requireSame(t, file, sample)]++
		}
		return true
	})
	t.Log(differences)
	require.Greater(t, differences[""], 5)
}

// byteLiteral returns the value of a literal of bytes, nil if it is none or has an expression.
func byteLiteral(n goast.Node) (value []byte) {
	literal, ok := n.(*goast.CompositeLit)
	if !ok {
		return nil
	}
	for _, element := range literal.Elts {
		b, ok := element.(*goast.BasicLit)
		if !ok {
			return nil
		}
		v, err := strconv.ParseUint(b.Value, 0, 8)
		if err != nil {
			return nil
		}
		value = append(value, byte(v))
	}
	return value
}
