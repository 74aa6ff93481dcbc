// SPDX-License-Identifier: Apache-2.0

package cidr_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/internal/cidr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.1.2.3/8": "10.1.2.3/8", "10.0.0.1": "10.0.0.1/32", "fd00::1": "fd00::1/128",
		"::ffff:10.0.0.1": "::ffff:10.0.0.1/128",
	} {
		got, err := cidr.Parse(text)
		require.NoError(t, err)
		require.Equal(t, netip.MustParsePrefix(want), got)
	}
	for _, text := range []string{"", "10.0.0.0/33", "fe80::1%eth0", "host"} {
		_, err := cidr.Parse(text)
		require.ErrorContains(t, err, `"`+text+`" is neither a CIDR nor an address`)
	}
}
