// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(datapathProcessEnv); path != "" {
		datapathProcess(path)
	}
	goleak.VerifyTestMain(m)
}

// requireRoot skips tests that load BPF programs where that is not allowed.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
}
