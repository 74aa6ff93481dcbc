// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"path/filepath"

	"github.com/cilium/hive/shell"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/cilium/monitor/client"
)

// flagSocket is the flag of all commands that says where the socket of the monitor API is.
const flagSocket = "monitor-socket-path"

// oldFlagSocket is what monitor watch called it.
const oldFlagSocket = "monitor-socket"

// defaultShellSocket is where the agent's shell is by default.
var defaultShellSocket = shellSocketBeside(client.DefaultSocketPath)

// shellSocketBeside returns where the shell of the agent is that serves the monitor API at path.
func shellSocketBeside(path string) string {
	return filepath.Join(filepath.Dir(path), "monitor-shell.sock")
}

// addSocketFlag adds the flag for the agent that a command talks to.
func addSocketFlag(flags *pflag.FlagSet) {
	flags.String(flagSocket, client.DefaultSocketPath, "`PATH` of the agent's socket")
	socket := flags.Lookup(flagSocket)
	socket.Value = notEmpty{socket.Value}
	annotate(socket, environmentKey, envPrefix)
}

// addShellSocketFlags adds the flags for the agent whose shell a command talks to.
func addShellSocketFlags(flags *pflag.FlagSet) {
	addSocketFlag(flags)
	if flags.Lookup(shell.ShellSockPathName) == nil {
		flags.String(shell.ShellSockPathName, defaultShellSocket, "")
	}
	socket := flags.Lookup(shell.ShellSockPathName)
	socket.Value = notEmpty{socket.Value}
	socket.Hidden = true
	annotate(socket, environmentKey, envPrefix)
}

// shellSocketHelp explains what addShellSocketFlags adds.
const shellSocketHelp = `The agent answers at monitor-shell.sock in the directory of --monitor-socket-path. If it was
given another --shell-sock-path, give the same one here. Both are environment variables, too,
the same as the agent's: ` + envPrefix + `MONITOR_SOCKET_PATH, ` + envPrefix + `SHELL_SOCK_PATH.`

// shellConfig returns where the shell is, by the flags of addShellSocketFlags and the environment.
func shellConfig(cmd *cobra.Command) (cfg shell.Config, err error) {
	flags := cmd.Flags()
	beside := flags.Changed(flagSocket) && !flags.Changed(shell.ShellSockPathName) // whatever the environment says
	if err := setFromEnvironment(cmd); err != nil {
		return cfg, err
	}
	if flags.Changed(shell.ShellSockPathName) && !beside {
		return cfg, cfg.Parse(flags)
	}
	path, err := flags.GetString(flagSocket)
	return shell.Config{ShellSockPath: shellSocketBeside(path)}, err
}

// placeShellSocket puts the agent's shell beside its monitor API, unless the settings say where.
func placeShellSocket(settings *viper.Viper) {
	settings.SetDefault(shell.ShellSockPathName, shellSocketBeside(settings.GetString(flagSocket)))
}
