// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/testutils"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestScripts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	newEngine := func(t testing.TB, args []string) *script.Engine {
		return testutils.NewEngine(t, args, testutils.FakeDatapathCell(t), dropsCell)
	}
	// A script that waits in vain says at the end of it what for.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	scripttest.Test(t, ctx, newEngine, nil, "testdata/*.txtar")
}
