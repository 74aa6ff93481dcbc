// SPDX-License-Identifier: Apache-2.0

// Package fieldmask keeps some of the fields of flows, as the field masks of Hubble's API say which.
package fieldmask

import (
	"fmt"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Mask is which fields of a message are kept: by their names, nil for all of a field, or the mask of the message in it. A nil
// mask is the whole flow.
type Mask map[protoreflect.Name]Mask

// New returns the mask for the paths of fields, such as "source.pod_name". Without paths it is the whole flow.
func New(paths []string) (Mask, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	mask := Mask{}
	for _, path := range paths {
		if !(&fieldmaskpb.FieldMask{Paths: []string{path}}).IsValid(&flowpb.Flow{}) {
			return nil, fmt.Errorf("the field mask has a path that a flow has not: %q", path)
		}
		mask.add(strings.Split(path, "."))
	}
	return mask, nil
}

func (m Mask) add(path []string) {
	name := protoreflect.Name(path[0])
	below, there := m[name]
	switch {
	case len(path) == 1:
		m[name] = nil
	case !there:
		below = Mask{}
		m[name] = below
		fallthrough
	case below != nil:
		below.add(path[1:])
	}
}

// Apply returns a flow with the fields of the mask. It shares memory with the flow that it was given.
func (m Mask) Apply(f *flowpb.Flow) *flowpb.Flow {
	if m == nil {
		return f
	}
	masked := &flowpb.Flow{}
	m.copy(masked.ProtoReflect(), f.ProtoReflect())
	return masked
}

func (m Mask) copy(dst, src protoreflect.Message) {
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
