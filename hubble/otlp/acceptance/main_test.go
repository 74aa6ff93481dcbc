// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
)

// child is the environment variable of the process that has a network namespace of its own, and says where the monitor is.
const child = "OTLP_TEST_MONITOR"

// TestMain runs the tests in a network namespace of their own, whose loopback nobody else uses.
func TestMain(m *testing.M) {
	if os.Geteuid() != 0 || os.Getenv(child) != "" {
		goleak.VerifyTestMain(m)
	}
	code, err := runInNamespace()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runInNamespace() (code int, err error) {
	dir, err := os.MkdirTemp("", "otlp")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	monitor := filepath.Join(dir, "monitor")
	if out, err := exec.Command("go", "build", "-C", "..", "-o", monitor, "./cmd/monitor").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the monitor: %w\n%s", err, out)
	}
	self := exec.Command("/proc/self/exe", os.Args[1:]...)
	self.Env = append(os.Environ(), child+"="+monitor)
	self.Stdout, self.Stderr = os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := self.Run(); self.ProcessState == nil {
		return 0, fmt.Errorf("run the tests in a network namespace: %w", err)
	}
	return self.ProcessState.ExitCode(), nil
}

// monitorBinary returns the path of the monitor, with the loopback device up.
func monitorBinary(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs, makes a network namespace")
	}
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.Getenv(child)
}
