// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package losses has scripts that lose packets, each in one way, with what people use: ip, nft, iptables, tc. They
// demand the line that "monitor drops" prints of it. A script has a client, a router and a server, which are network
// namespaces:
//
//	client                          router                               server
//	client0 10.1.0.2, fd00:1::2 --- lan0 10.1.0.1, fd00:1::1
//	                                wan0 10.2.0.1, fd00:2::1 --- server0 10.2.0.2, fd00:2::2
//
// "client COMMAND" runs a command there; see commandsOf for those that are no programs. "lost LINE" waits for a line, "quiet" demands
// that there was no other one.
package losses

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/cli"
)

// asMonitor is the environment variable that makes the test binary the program.
const asMonitor = "MONITOR_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMonitor) != "" {
		cli.Main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// TestLosses runs the scripts. One process watches during all of them, in yet another namespace, as on a node with containers.
func TestLosses(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this needs root, for network namespaces")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	drops := watchDrops(t)
	newEngine := func(tb testing.TB, _ []string) *script.Engine {
		n := newNetwork(tb.(*testing.T))
		w := drops.window(n)
		cmds := map[string]script.Cmd{
			"client": n.client.command(), "router": n.router.command(), "server": n.server.command(),
			"conntrack-max": conntrackMaxCommand(tb.(*testing.T)),
			"lost":          w.lostCommand(), "quiet": w.quietCommand(),
		}
		maps.Copy(cmds, script.DefaultCmds())
		conds := script.DefaultConds()
		conds["kernel"] = script.PrefixCondition("the kernel is Linux <suffix> or newer", func(_ *script.State, version string) (bool, error) {
			return kernelIsAtLeast(version)
		})
		return &script.Engine{Cmds: cmds, Conds: conds}
	}
	scripttest.Test(t, ctx, newEngine, os.Environ(), "testdata/*.txtar", scripttest.NoParallel) // some change what is of the machine
}

// kernelIsAtLeast compares the running kernel with a version such as 6.12.
func kernelIsAtLeast(version string) (bool, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false, err
	}
	running, err := parseVersion(unix.ByteSliceToString(name.Release[:]))
	if err != nil {
		return false, err
	}
	wanted, err := parseVersion(version)
	return running >= wanted, err
}

// parseVersion makes a number of the first two parts.
func parseVersion(text string) (int, error) {
	major, rest, _ := strings.Cut(text, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	if errA != nil || errB != nil {
		return 0, fmt.Errorf("%q is no version of the kernel, such as 6.12", text)
	}
	return a*1000 + b, nil
}

func TestParseVersion(t *testing.T) {
	v, err := parseVersion("6.12.57+deb13-cloud-amd64")
	require.NoError(t, err)
	require.Equal(t, 6012, v)
	_, err = parseVersion("six")
	require.Error(t, err)
}
