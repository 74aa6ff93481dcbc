// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// asMonitor is the environment variable that makes the test binary the program.
const asMonitor = "MONITOR_TEST_MAIN"

// programEnv is the environment of the program in tests. With the race detector each
// process would linger for a second. Lines have no times unless they are asked for.
func programEnv() []string {
	return append(os.Environ(), asMonitor+"=1", "GORACE=atexit_sleep_ms=0", envPrefix+"WATCH_TIMESTAMPS=none")
}

func TestMain(m *testing.M) {
	if os.Getenv(asMonitor) != "" {
		Main()
		os.Exit(0)
	}
	defaultSignals()
	goleak.VerifyTestMain(m)
}

// defaultSignals has programs that tests start get the default action of signals that whoever started the tests, such as nohup,
// had them ignore: ignoring is inherited, a handler is not.
func defaultSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}
