// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/testutils"
)

// TestDatapathScripts runs scripts in a network namespace that has a loopback device and nothing else: the commands are
// monitor and send.
func TestDatapathScripts(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*testTimeout)
	t.Cleanup(cancel)
	ns := loopback(t)
	start := func(cmd *exec.Cmd) (err error) {
		ns.Do(func() error {
			err = cmd.Start()
			return nil
		})
		return err
	}
	newEngine := func(testing.TB, []string) *script.Engine {
		cmds := map[string]script.Cmd{"monitor": monitorCommand(start), "send": sendCommand(ns)}
		maps.Copy(cmds, script.DefaultCmds())
		return &script.Engine{Cmds: cmds, Conds: script.DefaultConds()}
	}
	self, err := os.Executable()
	require.NoError(t, err)
	env := append(programEnv(), "MONITOR="+self, "MAP="+testutils.EventsMapPath(t))
	scripttest.Test(t, ctx, newEngine, env, "testdata/datapath/*.txtar", scripttest.NoParallel) // they share the device
}

// sendCommand sends datagrams, and returns when all have arrived.
func sendCommand(ns *namespace) script.Cmd {
	usage := script.CmdUsage{Summary: "Send datagrams to a port of the loopback device", Args: "count port"}
	return script.Command(usage, func(_ *script.State, args ...string) (script.WaitFunc, error) {
		if len(args) != 2 {
			return nil, script.ErrUsage
		}
		count, err := strconv.Atoi(args[0])
		if err != nil {
			return nil, err
		}
		ns.Do(func() error { err = sendDatagrams(count, args[1]); return nil })
		return nil, err
	})
}

func sendDatagrams(count int, port string) error {
	server, err := net.ListenPacket("udp4", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	defer server.Close()
	client, err := net.Dial("udp4", server.LocalAddr().String())
	if err != nil {
		return err
	}
	defer client.Close()
	buf := make([]byte, 16)
	for i := range count {
		if _, err := fmt.Fprint(client, i); err != nil {
			return err
		}
		if _, _, err := server.ReadFrom(buf); err != nil {
			return err
		}
	}
	return nil
}
