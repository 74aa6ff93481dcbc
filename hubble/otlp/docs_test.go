// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"os"
	"testing"

	"github.com/cilium/hive"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/hubble/otlp"
)

// TestDocs requires each flag of the cell in docs/export.md.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/export.md")
	require.NoError(t, err)
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	hive.New(otlp.Cell).RegisterFlags(flags)
	for _, name := range otlp.Flags {
		require.NotNil(t, flags.Lookup(name), name)
		require.Contains(t, string(page), "`--"+name+"`")
	}
}
