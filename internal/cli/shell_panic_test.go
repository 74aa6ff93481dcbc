// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"log/slog"
	"testing"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/script"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/testutils"
)

// TestShellPanic has a command panic: that is logged, and the connection goes on.
func TestShellPanic(t *testing.T) {
	log, logged := test.NewNullLogger()
	path := testutils.SocketPath(t)
	h := hive.New(
		cell.SimpleHealthCell,
		cell.Provide(
			func() logrus.FieldLogger { return log },
			func() hive.ScriptCmdOut {
				return hive.NewScriptCmd("panic", script.Command(script.CmdUsage{},
					func(*script.State, ...string) (script.WaitFunc, error) { panic("at the disco") }))
			},
		),
		shellCell,
	)
	h.Viper().Set("shell-sock-path", path)
	slogger := slog.New(slog.DiscardHandler)
	require.NoError(t, h.Start(slogger, t.Context()))
	defer func() { require.NoError(t, h.Stop(slogger, t.Context())) }()

	c, err := dialShell(path)
	require.NoError(t, err)
	defer c.close()
	_, err = c.ask("panic")
	require.ErrorContains(t, err, "the command panicked: at the disco")
	_, err = c.ask("help")
	require.NoError(t, err)
	require.Equal(t, "A command of the shell panicked: at the disco", logged.LastEntry().Message)
	require.Contains(t, logged.LastEntry().Data["stack"], "shell_panic_test.go")
}
