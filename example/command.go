// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/cilium/hive"
	"github.com/cilium/hive/script"
)

// showCommand is a command for script tests, and for hive's shell in a program that has one.
func showCommand(d *drops) hive.ScriptCmdOut {
	usage := script.CmdUsage{Summary: "Show how many packets were dropped, by reason"}
	return hive.NewScriptCmd("drops", script.Command(usage, func(*script.State, ...string) (script.WaitFunc, error) {
		return func(*script.State) (stdout, stderr string, err error) {
			return d.counts.String() + "\n", "", nil
		}, nil
	}))
}
