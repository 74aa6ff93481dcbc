// SPDX-License-Identifier: Apache-2.0

package format

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// lacks has what is nil in the descriptor of a type since its events have no such thing. For a
// new type, each of them is a decision.
var lacks = map[string]string{
	"drop":           "traffic more verdict verdicts ifname dropReasonName",
	"trace":          "dropReason meaning function more verdict verdicts ifname dropReasonName",
	"policy-verdict": "fields dropReason meaning function more ifname dropReasonName",
	"capture":        "traffic to hasIdentity dropReason meaning function more verdict verdicts ifname dropReasonName",
	"debug":          "fields packet traffic ifindex to hasIdentity dropReason meaning function more verdict verdicts ifname dropReasonName",
	"trace-sock":     "fields packet ifindex from to hasIdentity dropReason meaning function more verdict verdicts ifname dropReasonName",
	"l7":             "fields packet ifindex dropReason meaning function more ifname dropReasonName",
	"agent":          "fields packet traffic ifindex from to hasIdentity dropReason meaning function more verdict verdicts ifname dropReasonName",
	"kernel-drop":    "cilium traffic from to hasIdentity dropReason verdict verdicts",
	"own":            "cilium traffic from to hasIdentity dropReason meaning function more verdict verdicts ifname dropReasonName",
}

// TestDescriptors demands every entry of every message type.
func TestDescriptors(t *testing.T) {
	unregister, err := RegisterType(&Type{
		Number: 200, Name: "own",
		Decode: func(*Sample) error { return nil }, Line: func(*Line, *Sample) {}, JSON: func(*Object, *Sample) {},
	})
	require.NoError(t, err)
	defer unregister()

	for typ, d := range descriptors.Load() {
		name := api.MessageTypeName(typ)
		if !slices.Contains(api.MessageTypeNames(), name) {
			require.Nil(t, d, "type %d has no name", typ)
			continue
		}
		require.NotNil(t, d, "%s has no descriptor: add it to builtin in descriptor.go", name)
		require.Contains(t, lacks, name, "say in lacks what events of type %s do not have", name)
		nilled := strings.Fields(lacks[name])
		v := reflect.ValueOf(*d)
		for i := range v.NumField() {
			switch field := v.Type().Field(i); field.Type.Kind() {
			case reflect.Func, reflect.Slice:
				require.Equal(t, slices.Contains(nilled, field.Name), v.Field(i).IsNil(), "%s: is %s nil?", name, field.Name)
			}
		}
	}
}

// TestTypeSet checks that a set tells all 256 types apart.
func TestTypeSet(t *testing.T) {
	for a := range 256 {
		s := typeSet{}.with(a)
		require.False(t, s.empty())
		for b := range 256 {
			require.Equal(t, a == b, s.has(b), "%d in the set of %d", b, a)
		}
		require.True(t, s.without(s).empty())
	}
	some, more := typeSet{}.with(8).with(129), typeSet{}.with(8).with(255)
	require.Equal(t, typeSet{}.with(8), some.and(more))
	require.Equal(t, typeSet{}.with(8).with(129).with(255), some.or(more))
	require.Equal(t, typeSet{}.with(129), some.without(more))
}

// TestTypesThatFiltersName checks which types the flags are for.
func TestTypesThatFiltersName(t *testing.T) {
	for _, c := range []struct {
		flag, value, types string
	}{
		{"type", "l7", "l7"},
		{"from", "1", "capture, debug, drop, l7, policy-verdict, trace"},
		{"to", "1", "drop, l7, policy-verdict, trace"},
		{"related-to", "1", "capture, debug, drop, l7, policy-verdict, trace"},
		{"ip", "10.0.0.1", "capture, drop, kernel-drop, l7, policy-verdict, trace, trace-sock"},
		{"port", "1", "capture, drop, kernel-drop, l7, policy-verdict, trace, trace-sock"},
		{"protocol", "tcp", "capture, drop, kernel-drop, l7, policy-verdict, trace, trace-sock"},
		{"tcp-flags", "SYN", "capture, drop, kernel-drop, policy-verdict, trace"},
		{"type", "drop", "drop, kernel-drop"},
		{"drop-reason", "133", "drop"},
		{"drop-reason", "NO_SOCKET", "kernel-drop"},
		{"drop-reason", "invalid", "drop, kernel-drop"},
		{"identity", "1", "drop, l7, policy-verdict, trace"},
		{"verdict", "allow", "l7, policy-verdict"},
		{"verdict", "audit", "policy-verdict"},
		{"verdict", "error", "l7"},
		{"interface", "lo", "capture, drop, kernel-drop, policy-verdict, trace"},
	} {
		i := slices.IndexFunc(filterFlags, func(f *filterFlag) bool { return f.name == c.flag })
		value, err := filterFlags[i].value(c.value, anywhere)
		require.NoError(t, err)
		require.Equal(t, c.types, value.types.names(), "--%s %s: a type that is new has to be in this table", c.flag, c.value)
	}
}
