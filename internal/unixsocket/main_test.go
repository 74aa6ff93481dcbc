// SPDX-License-Identifier: Apache-2.0

package unixsocket_test

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/unixsocket"
)

// asServer is the environment variable that makes the test binary a server: see serverMain.
const asServer = "UNIXSOCKET_TEST_SERVER"

func TestMain(m *testing.M) {
	if path := os.Getenv(asServer); path != "" {
		serverMain(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// serverMain listens at path, with a umask that would leave nothing, once its standard input
// ends, and until SIGTERM. It says on its standard output that it is there, and then how it went.
func serverMain(path string) {
	unix.Umask(0o777)
	if os.Getenv("SECCOMP") != "" {
		if err := refuseUnshare(); err != nil {
			fmt.Println(err)
			return
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM)
	fmt.Print(".")
	_, _ = io.Copy(io.Discard, os.Stdin)
	s, err := unixsocket.Listen(path, unixsocket.Options{Mode: 0o660})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("listens")
	<-stop
	if err := s.Close(); err != nil {
		fmt.Println(err)
	}
	if mask := unix.Umask(0); mask != 0o777 {
		fmt.Printf("the umask became %o\n", mask)
	}
}
