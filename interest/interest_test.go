// SPDX-License-Identifier: Apache-2.0

package interest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/interest"
)

func drop(reason uint8) []byte { return []byte{api.MessageTypeDrop, reason} }

func TestWants(t *testing.T) {
	trace, agent := []byte{api.MessageTypeTrace}, []byte{api.MessageTypeAgent}
	for _, tc := range []struct {
		interest       interest.Interest
		text           string
		wants, doesNot [][]byte
	}{
		{
			text:  "everything",
			wants: [][]byte{trace, agent, drop(130), {250}, {}},
		},
		{
			interest: interest.Types(api.MessageTypeDrop, api.MessageTypeAgent),
			text:     "drop, agent",
			wants:    [][]byte{drop(130), agent, {}},
			doesNot:  [][]byte{trace, {250}},
		},
		{
			interest: interest.Interest{DropReasons: []uint8{130, 133}},
			text:     "drop reasons Invalid source mac, Policy denied",
			wants:    [][]byte{drop(130), drop(133), trace, agent, {api.MessageTypeDrop}},
			doesNot:  [][]byte{drop(131)},
		},
		{
			interest: interest.Interest{Types: []uint8{api.MessageTypeDrop}, DropReasons: []uint8{133}},
			text:     "drop; drop reasons Policy denied",
			wants:    [][]byte{drop(133)},
			doesNot:  [][]byte{drop(130), trace, agent},
		},
	} {
		t.Run(tc.text, func(t *testing.T) {
			for _, sample := range tc.wants {
				require.True(t, tc.interest.Wants(sample), "%v", sample)
			}
			for _, sample := range tc.doesNot {
				require.False(t, tc.interest.Wants(sample), "%v", sample)
			}
			require.Equal(t, tc.text == "everything", tc.interest.Everything())
			require.Equal(t, tc.text, tc.interest.String())
		})
	}
}

// TestNormal has the same interest said in two ways.
func TestNormal(t *testing.T) {
	given := interest.Interest{Types: []uint8{4, 1, 4}, DropReasons: []uint8{2, 1}}
	normal := given.Normal()
	require.Equal(t, interest.Interest{Types: []uint8{1, 4}, DropReasons: []uint8{1, 2}}, normal)
	require.True(t, normal.Equal(interest.Interest{Types: []uint8{1, 4, 1}, DropReasons: []uint8{2, 1}}.Normal()))
	require.False(t, normal.Equal(interest.Types(1, 4)))
	normal.Types[0] = 9
	require.EqualValues(t, 4, given.Types[0])
}

type picky struct{}

func (picky) Interest() interest.Interest { return interest.Types(api.MessageTypeDrop) }

// TestOf asks subscribers.
func TestOf(t *testing.T) {
	require.Equal(t, interest.Types(api.MessageTypeDrop), interest.Of(picky{}))
	require.True(t, interest.Of(struct{}{}).Everything())
}
