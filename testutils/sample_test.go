// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// TestSampleOfEachType checks that datapath/emit knows each type that the datapath has.
func TestSampleOfEachType(t *testing.T) {
	for _, name := range api.MessageTypeNames() {
		typ, err := api.ParseMessageType(name)
		require.NoError(t, err)
		if typ >= api.MessageTypeAccessLog {
			continue
		}
		sample, err := newSample(name, nil)
		require.NoError(t, err)
		var ev api.Event
		require.NoError(t, ev.Decode(sample), "%s: add it to messages in sample.go", name)
		require.Equal(t, typ, ev.Type)
	}
}
