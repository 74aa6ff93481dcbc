// SPDX-License-Identifier: Apache-2.0

package export_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/cilium/hive"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/hubble/export"
)

// TestDocs requires each flag of the cell in docs/export.md, with its default.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/export.md")
	require.NoError(t, err)
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	hive.New(export.Cell).RegisterFlags(flags)
	for _, name := range export.Flags {
		flag := flags.Lookup(name)
		require.NotNil(t, flag, name)
		row := fmt.Sprintf("| `--%s` | ", name)
		if flag.DefValue != "" && flag.DefValue != "[]" {
			row += fmt.Sprintf("`%s` |", flag.DefValue)
		}
		require.Contains(t, string(page), row)
	}
}
