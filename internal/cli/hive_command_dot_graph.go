// SPDX-License-Identifier: Apache-2.0

//go:build dotgraph

package cli

import (
	"github.com/cilium/hive"
	"github.com/spf13/cobra"
)

func newHiveCommand(h *hive.Hive) *cobra.Command { return h.Command() }
