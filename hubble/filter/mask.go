// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Mask leaves of a flow the fields that a request asks for. The zero value, and one without fields, leaves all. It may be
// used by several goroutines at once.
type Mask struct {
	fields fieldTree
}

// fieldTree are the fields of a message that are left, each with those of the message in it, nil for all.
type fieldTree map[protoreflect.FieldDescriptor]fieldTree

// NewMask returns the mask of paths of fields of a flow, like "source.pod_name"; nil has none. The message is not
// changed.
func NewMask(m *fieldmaskpb.FieldMask) (Mask, error) {
	if m == nil {
		return Mask{}, nil
	}
	if !m.IsValid(new(flowpb.Flow)) {
		return Mask{}, fmt.Errorf("invalid field mask: not all of %q are fields of a flow", m.GetPaths())
	}
	m = proto.CloneOf(m)
	m.Normalize() // so none is a part of another
	fields := make(fieldTree)
	for _, path := range m.GetPaths() {
		fields.add(new(flowpb.Flow).ProtoReflect().Descriptor(), path)
	}
	return Mask{fields}, nil
}

func (t fieldTree) add(in protoreflect.MessageDescriptor, path string) {
	name, rest, nested := strings.Cut(path, ".")
	field := in.Fields().ByName(protoreflect.Name(name))
	if !nested {
		t[field] = nil
		return
	}
	if t[field] == nil {
		t[field] = make(fieldTree)
	}
	t[field].add(field.Message(), rest)
}

// Active tells whether the mask leaves out anything.
func (m Mask) Active() bool { return len(m.fields) > 0 }

// Apply returns a flow with the fields that the mask leaves, which it shares with f; f itself if it leaves all.
// Messages on the way to a field are there, even without it, except one of which only one of several is.
func (m Mask) Apply(f *flowpb.Flow) *flowpb.Flow {
	if !m.Active() {
		return f
	}
	masked := new(flowpb.Flow)
	m.fields.copy(masked.ProtoReflect(), f.ProtoReflect())
	return masked
}

func (t fieldTree) copy(dst, src protoreflect.Message) {
	for field, nested := range t {
		switch {
		case nested == nil:
			if src.Has(field) {
				dst.Set(field, src.Get(field))
			}
		case field.ContainingOneof() == nil || src.Has(field):
			nested.copy(dst.Mutable(field).Message(), src.Get(field).Message())
		}
	}
}
