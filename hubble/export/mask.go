// SPDX-License-Identifier: Apache-2.0

package export

import (
	"fmt"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// mask is the fields of a message that are kept, and of those that are messages in turn which of their fields; nil are all.
type mask map[protoreflect.Name]mask

// newMask returns the mask of flows with these paths of fields, such as "source.pod_name".
func newMask(paths []string) (mask, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	valid, err := fieldmaskpb.New(&flowpb.Flow{}, paths...)
	if err != nil {
		return nil, fmt.Errorf("fields of a flow: %w", err)
	}
	valid.Normalize() // so that no path is in another one
	m := mask{}
	for _, path := range valid.GetPaths() {
		fields := strings.Split(path, ".")
		at := m
		for _, field := range fields[:len(fields)-1] {
			name := protoreflect.Name(field)
			if at[name] == nil {
				at[name] = mask{}
			}
			at = at[name]
		}
		at[protoreflect.Name(fields[len(fields)-1])] = nil
	}
	return m, nil
}

// apply clears all fields of a message that are not kept.
func (m mask) apply(message protoreflect.Message) {
	if m == nil {
		return
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch of, kept := m[field.Name()]; {
		case !kept:
			message.Clear(field)
		case of != nil:
			of.apply(value.Message())
		}
		return true
	})
}
