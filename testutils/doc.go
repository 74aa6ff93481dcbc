// SPDX-License-Identifier: Apache-2.0

// Package testutils helps to test and measure what depends on the monitor. It runs on
// Linux.
//
//   - [NewEngine] runs script tests on a hive of the monitor and cells of yours, with commands for
//     clients, consumers and events. [Commands] has these commands for a hive that you
//     make. The scripts in testdata show what the monitor does.
//   - [FakeConsumer], [FakeListener] and [Client] are subscribers that keep what they get, for
//     tests of what sends events. There is no fake agent, since none is needed: as long as
//     it is not attached to an events map, an agent.NewAgent takes neither root nor BPF.
//   - [FakeDatapath] is a datapath that is ready, or fails, when a test says so, and emits the
//     events that the test wants. [FakeDatapathCell] has commands for it.
//   - [Generator] is where these events come from, for tests and benchmarks without a
//     hive: they are real ones, which BPF programs write.
//
// # A script test for a cell of your own
//
// The program in directory example has a cell, dropsCell, that counts dropped packets by
// reason and shows them by a script command. This is the cell's test,
//
//	package main
//
//	import (
//		"context"
//		"os"
//		"testing"
//		"time"
//
//		"github.com/cilium/hive/script"
//		"github.com/cilium/hive/script/scripttest"
//		"go.uber.org/goleak"
//
//		"github.com/cilium/monitor/testutils"
//	)
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
//
//	func TestScripts(t *testing.T) {
//		if os.Geteuid() != 0 {
//			t.Skip("needs root: loads BPF programs")
//		}
//		newEngine := func(t testing.TB, args []string) *script.Engine {
//			return testutils.NewEngine(t, args, testutils.FakeDatapathCell(t), dropsCell)
//		}
//		// A script that waits in vain says at the end of it what for.
//		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
//		t.Cleanup(cancel)
//		scripttest.Test(t, ctx, newEngine, nil, "testdata/*.txtar")
//	}
//
// and this its script, example/testdata/drops.txtar:
//
//	# From the start on, the cell counts by reason, here SubType, the packets that the datapath drops.
//
//	hive/start
//	datapath/ready
//	health 'datapath: level=OK'
//	client/connect a
//	datapath/emit 2 drop SubType=133
//	datapath/emit 1 drop SubType=155
//	datapath/emit 1 trace
//
//	# It gets an event some time after it was emitted: this section is tried again until it has.
//
//	drops
//	* cmp stdout expected
//
//	# Of the first drop for each reason, and of no other one, it tells everybody.
//
//	hive/stop
//	client/wait-end a
//	stdout '^6 events, 0 lost'
//	client/events a
//	stdout 'agent Message: "first drop: Policy denied"'
//	stdout 'agent Message: "first drop: CT: Map insertion failed"'
//
//	-- expected --
//	{"CT: Map insertion failed": 1, "Policy denied": 2}
//
// What the datapath emits needs root. Scripts of cells that only send events, or
// consume what others send, do not: leave out FakeDatapathCell.
//
// "help" in a script lists all commands, "help -v datapath/emit" says how one is used.
// Run the test with -scripttest.update to have the files of cmp written anew.
package testutils
