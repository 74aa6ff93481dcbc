// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"
)

func runScripts(t *testing.T, newEngine func(testing.TB, []string) *script.Engine, pattern string) {
	t.Helper()
	// So that a script which hangs says where, long before the test binary is killed.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	scripttest.Test(t, ctx, newEngine, nil, pattern)
}

// TestScripts runs the scripts that show the monitor with a datapath, which has either kind of
// events map. The condition [ringbuf] is true in one of them.
func TestScripts(t *testing.T) {
	t.Run("perf", func(t *testing.T) { runDatapathScripts(t, GeneratorOptions{}) })
	t.Run("ringbuf", func(t *testing.T) { runDatapathScripts(t, GeneratorOptions{RingBufferSize: 1 << 20}) })
}

func runDatapathScripts(t *testing.T, opts GeneratorOptions) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	newEngine := func(t testing.TB, args []string) *script.Engine {
		engine := NewEngine(t, args, FakeDatapathCell(t, opts))
		engine.Conds["ringbuf"] = script.BoolCondition("the events map is a ring buffer", opts.RingBufferSize > 0)
		return engine
	}
	runScripts(t, newEngine, "testdata/*.txtar")
}

// TestScriptsNoDatapath runs those that show it in a program that has none.
func TestScriptsNoDatapath(t *testing.T) {
	newEngine := func(t testing.TB, args []string) *script.Engine { return NewEngine(t, args) }
	runScripts(t, newEngine, "testdata/no-datapath/*.txtar")
}

// TestScriptsTwoMonitors runs those with two hives, each with a monitor and a datapath. The
// commands of the second one begin with "second/".
func TestScriptsTwoMonitors(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	newEngine := func(t testing.TB, args []string) *script.Engine {
		first := NewEngine(t, args, FakeDatapathCell(t))
		second := NewEngine(t, args, FakeDatapathCell(t))
		for name, cmd := range second.Cmds {
			first.Cmds["second/"+name] = cmd
		}
		return first
	}
	runScripts(t, newEngine, "testdata/two-monitors/*.txtar")
}
