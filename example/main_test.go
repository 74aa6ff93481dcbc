// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

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
	scripttest.Test(t, t.Context(), newEngine, nil, "testdata/*.txtar")
}
