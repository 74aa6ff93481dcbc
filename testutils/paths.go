// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

var eventsMaps atomic.Int64

// EventsMapPath returns a path on the bpffs for an events map, which nobody else uses. What
// is left there is removed at the end of the test.
func EventsMapPath(t testing.TB) string {
	t.Helper()
	dir := fmt.Sprintf("/sys/fs/bpf/monitor-test-%d-%d", os.Getpid(), eventsMaps.Add(1))
	t.Cleanup(func() {
		// Who may not look into the bpffs, as only root may, has left nothing there.
		if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("remove the events map: %v", err)
		}
	})
	return dir + "/cilium_events"
}

// SocketPath returns a path for a unix socket, short enough for one, in a directory that
// is removed at the end of the test.
func SocketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "monitor")
	if err != nil {
		t.Fatalf("make a directory for the monitor's socket: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the directory of the monitor's socket: %v", err)
		}
	})
	return filepath.Join(dir, "monitor.sock")
}
