// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// field is where a member of a C struct lies, in bytes.
type field struct {
	offset, size int
}

// The header of 16 bytes that drop, trace and policy-verdict start with.
var headerLayout = map[string]field{
	"type":        {0, 1},
	"subtype":     {1, 1},
	"source":      {2, 2},
	"hash":        {4, 4},
	"len_orig":    {8, 4},
	"len_cap":     {12, 2},
	"version":     {14, 1},
	"ext_version": {15, 1},
}

// The layouts that clients decode; the packet follows at size.
var eventLayouts = map[string]struct {
	size   int
	fields map[string]field
}{
	"trace_event": {48, map[string]field{
		"header":    {0, 16},
		"src_label": {16, 4},
		"dst_label": {20, 4},
		"dst_id":    {24, 2},
		"reason":    {26, 1},
		"flags":     {27, 1},
		"ifindex":   {28, 4},
		"orig_ip":   {32, 4},
		"mark":      {36, 4},
		"mark_ipv6": {40, 4},
		"marked":    {44, 4},
	}},
	"drop_event": {40, map[string]field{
		"header":    {0, 16},
		"src_label": {16, 4},
		"dst_label": {20, 4},
		"dst_id":    {24, 4},
		"line":      {28, 2},
		"file":      {30, 1},
		"ext_error": {31, 1},
		"ifindex":   {32, 4},
		"flags":     {36, 1},
		"pad":       {37, 3},
	}},
	"policy_verdict_event": {40, map[string]field{
		"header":       {0, 16},
		"remote_label": {16, 4},
		"verdict":      {20, 4},
		"dst_port":     {24, 2},
		"proto":        {26, 1},
		"flags":        {27, 1},
		"auth_type":    {28, 1},
		"ifindexed":    {29, 3},
		"cookie":       {32, 4},
		"ifindex":      {36, 4},
	}},
}

func TestEventLayouts(t *testing.T) {
	spec, err := loadHost()
	require.NoError(t, err)

	check := func(name string, size int, want map[string]field) {
		t.Run(name, func(t *testing.T) {
			var event *btf.Struct
			require.NoError(t, spec.Types.TypeByName(name, &event))
			assert.EqualValues(t, size, event.Size)

			got := map[string]field{}
			for _, m := range event.Members {
				size, err := btf.Sizeof(m.Type)
				require.NoError(t, err)
				got[m.Name] = field{int(m.Offset.Bytes()), size}
			}
			assert.Equal(t, want, got)
		})
	}
	check("event_header", 16, headerLayout)
	for name, layout := range eventLayouts {
		check(name, layout.size, layout.fields)
	}
}

func TestMaxRules(t *testing.T) {
	spec, err := loadHost()
	require.NoError(t, err)
	assert.EqualValues(t, spec.Maps[hostMapDenyRules].MaxEntries, MaxRules)
}
