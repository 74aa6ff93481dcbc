// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	hubblev1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/filters"
	"github.com/cilium/cilium/pkg/hubble/parser"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cilium/monitor/hubble/filter"
	"github.com/cilium/monitor/hubble/flow"
)

// filterValues has texts for the fields of filters that are texts: what flows have, what is like it, and what is wrong.
var filterValues = map[protoreflect.Name][]string{
	"uuid":                     {"", "u-1"},
	"source_ip":                {"10.0.0.1", "10.0.0.0/8", "fd00::1", "fd00::/64", "1.2.3.4", "192.168.0.0/16", "10.0.0", "10.0.0.0/40"},
	"destination_ip":           {"10.0.0.2", "10.0.0.0/30", "fd00::2", "0.0.0.0/0", "::/0", "x"},
	"source_ip_xlated":         {"10.0.0.1", "10.0.0.0/8", "1.2.3.4"},
	"source_pod":               {"web", "default/", "/web-1", "default/web", "kube-system/dns-1", "web-1/x", "/", "default/web/x", ""},
	"destination_pod":          {"kube-system/dns", "dns", "/dns", "kube-system/", "/"},
	"source_fqdn":              {"*", "*.example.com", "to-0.10.0.0.1.EXAMPLE.com.", "example.com", " to-12.*", "a..", "a b"},
	"destination_fqdn":         {"*10.0.0.2*", "to-12.*", "x", ""},
	"source_label":             {"app=web", "k8s:app in (web, api)", "!app", "app", "reserved:host", "app!=web,reserved:host", "any:app notin (web)", "", " app", "a in b", "k8s:app", "x>1"},
	"destination_label":        {"app=dns", "cidr:10.0.0.0/8", "cidr:10.0.0.0/25", "reserved:world", "!reserved:world", "k8s.app"},
	"node_labels":              {"region=eu", "!region"},
	"source_service":           {"port-80", "default/port-", "/port", "x", "other/"},
	"destination_service":      {"default/port-8", "port-53", "default/", ""},
	"source_cluster_name":      {"east", "west", ""},
	"destination_cluster_name": {"west", "x"},
	"http_status_code":         {"403", "4+", "40+", "5+", "600", "4"},
	"protocol":                 {"tcp", "UDP", "icmp", "icmpv6", "sctp", "vrrp", "igmp", "dns", "HTTP", "ipx"},
	"source_port":              {"34567", "0", "80", "65536"},
	"destination_port":         {"80", "53", "443", "x"},
	"dns_query":                {"example", "^www", "(", ""},
	"http_method":              {"get", "POST", ""},
	"http_path":                {"^/a b$", ".*", "("},
	"http_url":                 {"example.com", "q=1$", "["},
	"node_name":                {"node-1", "east/", "west/node-1", "node-*", "a/b/c", "/", "east/NODE-1"},
	"trace_id":                 {"", "0af7651916cd43dd8448eb211c80319c"},
}

// filterNumbers has numbers for the fields that are numbers or enums.
var filterNumbers = map[protoreflect.Name][]uint64{
	"traffic_direction":    {0, 1, 2},
	"verdict":              {0, 1, 2, 3, 4, 5, 6, 7},
	"drop_reason_desc":     {0, 133, 140, 181, 250},
	"ip_version":           {0, 1, 2},
	"source_identity":      {0, 1, 2, 4711, 5000, hubbleNetwork},
	"destination_identity": {0, 2, 4711, 5000, hubbleNetwork},
	"ip_trace_id":          {0, 77, 99},
	"type":                 {0, 1, 2, 3, 4, 5, 7, 129, 300},
	"sub_type":             {0, 1, 2, 4, 133},
	"index":                {0, 2, 9},
}

// otherTexts has texts for fields of the messages in filters.
var otherTexts = map[protoreflect.Name][]string{
	"name": {"", "eth2", "web"}, "kind": {"", "StatefulSet"}, "key": {"X-A", "X-B"}, "value": {"b", "c"},
}

// randomFilter returns a filter with some fields.
func randomFilter(random *rand.Rand) *flowpb.FlowFilter {
	ff := new(flowpb.FlowFilter)
	fields := ff.ProtoReflect().Descriptor().Fields()
	for range random.IntN(3) {
		field := fields.Get(random.IntN(fields.Len()))
		if field.Name() != "experimental" { // which is refused
			setRandom(random, ff.ProtoReflect(), field)
		}
	}
	return ff
}

// setRandom sets a field of a message.
func setRandom(random *rand.Rand, m protoreflect.Message, field protoreflect.FieldDescriptor) {
	if !field.IsList() {
		if field.Kind() != protoreflect.MessageKind {
			m.Set(field, randomValue(random, field))
		}
		return
	}
	list := m.Mutable(field).List()
	for range 1 + random.IntN(2) {
		if field.Kind() != protoreflect.MessageKind {
			list.Append(randomValue(random, field))
			continue
		}
		element := list.AppendMutable().Message()
		inner := element.Descriptor().Fields()
		for i := range inner.Len() {
			if random.IntN(3) == 0 {
				setRandom(random, element, inner.Get(i))
			}
		}
	}
}

func randomValue(random *rand.Rand, field protoreflect.FieldDescriptor) protoreflect.Value {
	number := uint64(random.IntN(300))
	if numbers := filterNumbers[field.Name()]; numbers != nil {
		number = numbers[random.IntN(len(numbers))]
	}
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(random.IntN(2) == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(number))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(number))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(number))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(number)
	default:
		texts := filterValues[field.Name()]
		if texts == nil {
			texts = otherTexts[field.Name()]
		}
		return protoreflect.ValueOfString(texts[random.IntN(len(texts))])
	}
}

// hubbleFlow is a flow and the event it is of.
type hubbleFlow struct {
	flow   *flowpb.Flow
	sample []byte
}

func hubbleFlows(t testing.TB) (all []hubbleFlow) {
	f := newFlows(t)
	for i, e := range append(events(t), hubblePackets(t)...) {
		m, err := f.decodeOurs(e.payload.Data)
		require.NoError(t, err, e.name)
		if m, ok := m.(*flowpb.Flow); ok {
			if i%2 == 0 {
				m.NodeLabels = []string{"region=eu"}
			}
			all = append(all, hubbleFlow{m, e.payload.Data})
		}
	}
	return all
}

// TestHubbleFilters checks that both sides refuse the same filters, and give the same answers; and that no event is ruled out
// whose flow matches.
func TestHubbleFilters(t *testing.T) {
	flows := hubbleFlows(t)
	random := rand.New(rand.NewPCG(1, 2))
	builders := filters.DefaultFilters(slog.New(slog.DiscardHandler))
	asked, refused, matched, ruledOut := 0, 0, 0, 0
	for range 20_000 {
		lists := [2][]*flowpb.FlowFilter{}
		for i := range lists {
			for range random.IntN(3) {
				lists[i] = append(lists[i], randomFilter(random))
			}
		}
		allow, err := filters.BuildFilterList(t.Context(), lists[0], builders)
		deny, denyErr := filters.BuildFilterList(t.Context(), lists[1], builders)
		got, gotErr := filter.New(lists[0], lists[1])
		if err != nil || denyErr != nil || gotErr != nil {
			require.Equal(t, err != nil || denyErr != nil, gotErr != nil, "%v\n%v\n%v\n%v", lists, err, denyErr, gotErr)
			refused++
			continue
		}
		for range 20 {
			f := flows[random.IntN(len(flows))]
			want := filters.Apply(allow, deny, &hubblev1.Event{Event: f.flow})
			what := func() string { return fmt.Sprintf("%v\n%s", lists, prototext.Format(f.flow)) }
			if got.Match(f.flow) != want {
				t.Fatalf("want %v: %s", want, what())
			}
			mayMatch := got.MayMatch(f.sample)
			if want && (!mayMatch || !got.Interest().Wants(f.sample)) {
				t.Fatalf("ruled out: %s", what())
			}
			asked++
			if want {
				matched++
			}
			if !mayMatch {
				ruledOut++
			}
		}
	}
	t.Logf("%d filters refused, %d answers, of which %d match and %d are ruled out by the event", refused, asked, matched, ruledOut)
	require.Greater(t, refused, 1000)
	require.Greater(t, matched, asked/10)
	require.Greater(t, ruledOut, asked/10)
}

// BenchmarkHubble compares what it takes to make a flow, and to rule out an event that a filter does not want.
func BenchmarkHubble(b *testing.B) {
	their, err := parser.New(slog.New(slog.DiscardHandler), nil, nil, nil, nil, nil, nil, nil)
	require.NoError(b, err)
	f := &flows{ours: flow.NewDecoder(flow.Options{NodeName: hubbleNode}), theirs: their}
	sample := drops(b)[3].payload.Data
	decode := map[string]func([]byte) (proto.Message, error){"ours": f.decodeOurs, "cilium": f.decodeDatapathOnce}
	for _, side := range []string{"ours", "cilium"} {
		b.Run("flow/"+side, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode[side](sample); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	lists := []*flowpb.FlowFilter{{SourceIp: []string{"192.0.2.0/24"}, DestinationPort: []string{"443"}, Verdict: []flowpb.Verdict{flowpb.Verdict_DROPPED}}}
	match, err := filter.New(lists, nil)
	require.NoError(b, err)
	b.Run("filter/ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if match.MayMatch(sample) {
				b.Fatal("it may not")
			}
		}
	})
	theirs, err := filters.BuildFilterList(b.Context(), lists, filters.DefaultFilters(slog.New(slog.DiscardHandler)))
	require.NoError(b, err)
	b.Run("filter/cilium", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := f.decodeDatapathOnce(sample)
			if err != nil || filters.Apply(theirs, nil, &hubblev1.Event{Event: m}) {
				b.Fatal("it may not")
			}
		}
	})
}
