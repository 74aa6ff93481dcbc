// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		childMain(path)
	}
	goleak.VerifyTestMain(m)
}

// requireRoot skips tests that load BPF programs where that is not allowed.
func requireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs, makes network and mount namespaces")
	}
}
