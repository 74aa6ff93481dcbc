// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"io"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// clientEnv makes the test binary a client of the socket that it names, which reads until
// the agent is gone or a signal comes.
const clientEnv = "MONITOR_TEST_CLIENT"

func TestMain(m *testing.M) {
	if path := os.Getenv(clientEnv); path != "" {
		conn, err := net.Dial("unix", path)
		if err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	goleak.VerifyTestMain(m)
}
