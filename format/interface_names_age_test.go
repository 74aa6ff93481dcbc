// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestInterfaceNamesAge asks for a name until the names are more than a second old, and counts how often they are listed.
func TestInterfaceNamesAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listed := 0
		names := format.NewInterfaceNames(func() ([]format.Interface, error) {
			listed++
			return []format.Interface{{Index: 1, Name: "lo"}}, nil
		})
		for _, c := range []struct {
			after  time.Duration
			listed int
		}{{0, 1}, {0, 1}, {time.Second, 1}, {time.Nanosecond, 2}, {time.Second, 2}, {time.Nanosecond, 3}} {
			<-time.After(c.after)
			require.Equal(t, "lo", names.Name(1))
			require.Equal(t, c.listed, listed)
		}
		require.Len(t, names.Now(), 1)
		require.Equal(t, 4, listed, "now")
	})
}
