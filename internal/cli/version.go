// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/cilium/monitor/internal/buildinfo"
)

// addVersion adds the command and the flag that tell which version the program is. The flag is not cobra's, which prints by a
// template: see newHiveCommand.
func addVersion(root *cobra.Command) {
	show := func(cmd *cobra.Command, _ []string) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), version(buildinfo.Read()))
		return err
	}
	asked := root.Flags().Bool("version", false, "Show which version this is, as the command version does")
	run := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *asked {
			return show(cmd, args)
		}
		return run(cmd, args)
	}
	root.AddCommand(&cobra.Command{
		Use:     "version",
		Short:   "Show which version this is: of which commit, built with which Go",
		Example: "monitor version",
		Args:    noArgs,
		RunE:    show,
	})
}

func version(info buildinfo.Info) string {
	commit := info.Revision
	if info.Time != buildinfo.Unknown {
		commit += " of " + info.Time
	}
	if info.Modified {
		commit += ", with changes"
	}
	return fmt.Sprintf("monitor %s\ncommit %s\n%s %s/%s\n", info.Version, commit, info.GoVersion, runtime.GOOS, runtime.GOARCH)
}
