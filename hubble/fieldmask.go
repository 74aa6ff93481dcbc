// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"fmt"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// fieldMask is which fields of a flow are sent: by their names, nil for all of a field, or the mask of the message in it. A nil
// mask is the whole flow.
type fieldMask map[protoreflect.Name]fieldMask

// newFieldMask returns a mask of the API. One without paths is the whole flow.
func newFieldMask(m *fieldmaskpb.FieldMask) (fieldMask, error) {
	if len(m.GetPaths()) == 0 {
		return nil, nil
	}
	if n := len(m.GetPaths()); n > maxPaths {
		return nil, fmt.Errorf("the field mask has %d paths, and may have %d", n, maxPaths)
	}
	mask := fieldMask{}
	for _, path := range m.GetPaths() {
		if !(&fieldmaskpb.FieldMask{Paths: []string{path}}).IsValid(&flowpb.Flow{}) {
			return nil, fmt.Errorf("the field mask has a path that a flow has not: %q", path)
		}
		mask.add(strings.Split(path, "."))
	}
	return mask, nil
}

func (m fieldMask) add(path []string) {
	name := protoreflect.Name(path[0])
	below, there := m[name]
	switch {
	case len(path) == 1:
		m[name] = nil
	case !there:
		below = fieldMask{}
		m[name] = below
		fallthrough
	case below != nil:
		below.add(path[1:])
	}
}

// apply returns a flow with the fields of the mask. It shares memory with the flow that it was given.
func (m fieldMask) apply(f *flowpb.Flow) *flowpb.Flow {
	if m == nil {
		return f
	}
	masked := &flowpb.Flow{}
	m.copy(masked.ProtoReflect(), f.ProtoReflect())
	return masked
}

func (m fieldMask) copy(dst, src protoreflect.Message) {
	fields := src.Descriptor().Fields()
	for name, below := range m {
		field := fields.ByName(name)
		switch {
		case !src.Has(field):
		case below == nil:
			dst.Set(field, src.Get(field))
		default:
			below.copy(dst.Mutable(field).Message(), src.Get(field).Message())
		}
	}
}
