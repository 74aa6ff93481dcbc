// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/cilium/pkg/hubble/exporter"
	"github.com/cilium/cilium/pkg/hubble/parser/fieldmask"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/cilium/monitor/hubble/export"
)

// wrongPaths are no fields of a flow: what is like one, what is below a list or a number, and what other masks may have.
var wrongPaths = []string{
	"", ".", "*", "source.*", "source.", ".source", "source..labels", " source", "SOURCE", "nodeName", "ip", "Time", "l4.tcp",
	"source.workloads.name", "node_labels.x", "verdict.x", "l4.protocol", "l7.record", "l4.TCP.flags.SYN.x", "is_reply.x", "uuid.uuid",
	"source,destination", "flow.source", "1", "é", "source.\x00", "extensions.policy", "http.headers",
}

// pathsOf returns the paths of all fields of a message, and of those in its messages.
func pathsOf(m protoreflect.MessageDescriptor, prefix string) (paths []string) {
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		path := prefix + string(field.Name())
		paths = append(paths, path)
		if field.Message() != nil && field.Cardinality() != protoreflect.Repeated {
			paths = append(paths, pathsOf(field.Message(), path+".")...)
		}
	}
	return paths
}

// randomMask returns some paths, some of them twice, or with those of a message that they are in; one in some masks is wrong.
func randomMask(random *rand.Rand, paths []string) (mask []string) {
	for range random.IntN(6) {
		path := oneOf(random, paths)
		mask = append(mask, path)
		if parent := strings.LastIndexByte(path, '.'); parent > 0 && random.IntN(3) == 0 {
			mask = append(mask, path[:parent])
		}
		if random.IntN(8) == 0 {
			mask = append(mask, path)
		}
	}
	if random.IntN(8) == 0 {
		mask = append(mask, oneOf(random, wrongPaths))
	}
	random.Shuffle(len(mask), func(i, j int) { mask[i], mask[j] = mask[j], mask[i] })
	return mask
}

// fill sets about half of the fields of a message, so that flows have what none of a sample has.
func fill(random *rand.Rand, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case random.IntN(2) == 0:
		case field.IsList():
			list := m.Mutable(field).List()
			for range 1 + random.IntN(2) {
				list.Append(randomElement(random, field, list.NewElement()))
			}
		default:
			m.Set(field, randomElement(random, field, m.NewField(field)))
		}
	}
}

// randomElement returns a value for a field, or for an element of its list. A message is made of the empty one.
func randomElement(random *rand.Rand, field protoreflect.FieldDescriptor, empty protoreflect.Value) protoreflect.Value {
	number := random.IntN(3)
	switch field.Kind() {
	case protoreflect.MessageKind:
		if field.Message().FullName() != (*anypb.Any)(nil).ProtoReflect().Descriptor().FullName() {
			fill(random, empty.Message())
		}
		return empty
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(number > 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(number))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(number))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(number))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(number))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(number))
	default:
		return protoreflect.ValueOfString([]string{"", "a", "é"}[number])
	}
}

// removeAbsent removes what Cilium's side has of messages that a flow has not, and says whether there was any. It is empty:
// a message is made for the fields that a mask has of it.
func removeAbsent(masked, original protoreflect.Message) (removed bool) {
	masked.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case !original.Has(field):
			masked.Clear(field)
			removed = true
		case field.Message() != nil && !field.IsList():
			removed = removeAbsent(value.Message(), original.Get(field).Message()) || removed
		}
		return true
	})
	return removed
}

// TestHubbleFieldMasks checks that both sides refuse the same field masks, and leave the same of a flow: of all fields one by one, and
// of random ones. What a mask leaves on our side is seen in the exporter's lines.
func TestHubbleFieldMasks(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var flows []*flowpb.Flow
	for _, f := range hubbleFlows(t) {
		filled := new(flowpb.Flow)
		fill(random, filled.ProtoReflect())
		flows = append(flows, f.flow, filled)
	}
	before := make([]*flowpb.Flow, len(flows))
	for i, f := range flows {
		before[i] = proto.CloneOf(f)
	}

	paths := pathsOf((*flowpb.Flow)(nil).ProtoReflect().Descriptor(), "")
	masks := [][]string{nil, {}}
	for _, path := range append(paths, wrongPaths...) {
		masks = append(masks, []string{path})
	}
	for range 1000 {
		masks = append(masks, randomMask(random, paths))
	}
	refused, asked, changed, absent := 0, 0, 0, 0
	dir := t.TempDir()
	for _, mask := range masks {
		path := filepath.Join(dir, "flows.json")
		theirs, err := fieldmask.New(&fieldmaskpb.FieldMask{Paths: slices.Clone(mask)})
		ours, gotErr := export.OpenFile(export.FileOptions{Path: path, Fields: mask, Log: logrus.New()})
		require.Equal(t, err != nil, gotErr != nil, "%q\n%v\n%v", mask, err, gotErr)
		exporterErr := exporter.WithFieldMask(mask)(new(exporter.Options))
		require.Equal(t, err != nil, exporterErr != nil, "%q\n%v\n%v", mask, err, exporterErr)
		if err != nil {
			refused++
			continue
		}
		want := bytes.Buffer{}
		for range 20 {
			original := flows[random.IntN(len(flows))]
			ours.Export(t.Context(), &observerpb.ExportEvent{ResponseTypes: &observerpb.ExportEvent_Flow{Flow: original}})

			masked := original
			if theirs.Active() {
				masked = new(flowpb.Flow)
				theirs.Copy(masked.ProtoReflect(), original.ProtoReflect())
				if removeAbsent(masked.ProtoReflect(), original.ProtoReflect()) {
					absent++
				}
			}
			if !proto.Equal(masked, original) {
				changed++
			}
			asked++
			require.NoError(t, json.NewEncoder(&want).Encode(&observerpb.ExportEvent{
				Time: masked.GetTime(), NodeName: masked.GetNodeName(), ResponseTypes: &observerpb.ExportEvent_Flow{Flow: masked},
			}))
		}
		require.NoError(t, ours.Close())
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want.String(), string(got), "%q", mask)
		require.NoError(t, os.Remove(path))
	}
	for i, f := range flows {
		requireEqual(t, "a flow that masks were applied to", before[i], f)
	}
	t.Logf("%d masks of %d refused, %d asked, %d of them changed, %d with a message that the flow has not", refused, len(masks), asked, changed, absent)
	require.Greater(t, refused, 100)
	require.Greater(t, asked, 10_000)
	require.Greater(t, changed, asked/2)
	require.Greater(t, absent, 1000)
}
