// SPDX-License-Identifier: Apache-2.0

package export_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/export"
	"github.com/cilium/monitor/hubble/filter"
	"github.com/cilium/monitor/interest"
)

// TestInterest asks what the agent is told that is wanted.
func TestInterest(t *testing.T) {
	for _, test := range []struct {
		allow, deny string
		wants       interest.Interest
	}{
		{"", "", interest.Types(api.MessageTypeDrop, api.MessageTypeKernelDrop, api.MessageTypePolicyVerdict)},
		{" \n", `{"source_pod":["a/"]}`, interest.Types(api.MessageTypeDrop, api.MessageTypeKernelDrop, api.MessageTypePolicyVerdict)},
		{`{"event_type":[{"type":1}]} {"event_type":[{"type":129}]}`, "", interest.Types(api.MessageTypeDrop, api.MessageTypeAccessLog)},
	} {
		f, err := export.NewFilter(test.allow, test.deny)
		require.NoError(t, err)
		require.Equal(t, test.wants.Normal(), f.Interest().Normal(), test.allow)
	}
}

// TestFilterErrors has lists that are none.
func TestFilterErrors(t *testing.T) {
	_, err := export.NewFilter(`{} {"verdict":["GONE"]}`, "")
	require.ErrorContains(t, err, "allow list: filter 2 of")
	_, err = export.NewFilter("", `{"source_ip":["10.0.0.0/8"]`)
	require.ErrorContains(t, err, "deny list: filter 1 of")
	_, err = export.NewFilter(`{"source_ip":["ten"]}`, "")
	require.ErrorContains(t, err, "ten")
	_, err = export.NewFilter(`{"experimental":{"cel_expression":["true"]}}`, "")
	require.ErrorIs(t, err, filter.ErrUnsupported)
}

func FuzzNewFilter(f *testing.F) {
	f.Add(`{"verdict":["DROPPED"],"source_pod":["default/"]} {"destination_port":["53"]}`, `{}`)
	f.Add("", `{"tcp_flags":[{"SYN":true}],"event_type":[{"type":4,"match_sub_type":true,"sub_type":0}]}`)
	f.Fuzz(func(t *testing.T, allow, deny string) {
		if built, err := export.NewFilter(allow, deny); err == nil {
			built.MayMatch([]byte{api.MessageTypeDrop})
		}
	})
}
