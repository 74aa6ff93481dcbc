// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/format"
)

// completionTimeout is how long somebody who completes a line waits for an agent.
const completionTimeout = time.Second

// completeInterface completes the names of network interfaces that a watch has events of.
func completeInterface(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return completeList(func() []string { return namesOf(interfacesToWatch(cmd)) })(cmd, args, typed)
}

// interfacesToWatch returns the network interfaces of the recording or agent that the flags of a watch name,
// this machine's if there is no agent yet, and none if they can't be had.
func interfacesToWatch(cmd *cobra.Command) []format.Interface {
	if setFromEnvironment(cmd) != nil {
		return nil
	}
	if path, _ := cmd.Flags().GetString("read"); path != "" {
		return interfacesRecorded(path)
	}
	path, _ := cmd.Flags().GetString(flagSocket)
	conn, err := net.DialTimeout("unix", path, completionTimeout)
	if err != nil {
		interfaces, _ := format.Interfaces()
		return interfaces
	}
	defer conn.Close()
	agent := interfacesOf(conn.(syscall.Conn), path)
	defer agent.close()
	if agent.list == nil {
		return nil
	}
	interfaces, _ := agent.list()
	return interfaces
}

// interfacesRecorded returns the network interfaces that a recording has the names of at its beginning.
func interfacesRecorded(path string) []format.Interface {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil // nothing to wait for, nor to read twice
	}
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	r, err := recording.NewReader(file)
	if err != nil {
		return nil
	}
	return interfacesNamed(r.Header())
}

// namesOf returns the names of network interfaces, the alternative ones, too.
func namesOf(interfaces []format.Interface) (names []string) {
	for _, known := range interfaces {
		names = append(append(names, known.Name), known.AltNames...)
	}
	return names
}
