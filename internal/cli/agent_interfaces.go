// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/format"
)

// agentInterfaces are the network interfaces of the agent at the other end of a connection, and its node. Events
// have their indexes, which mean nothing in another network namespace than the agent's.
type agentInterfaces struct {
	list      func() ([]format.Interface, error) // nil: they cannot be had
	reason    error                              // why
	namespace *os.File                           // that list enters; nil: none
	node      string                             // what the agent's machine is called there; "": it cannot be had
}

// interfacesOf returns the interfaces of the agent that listens at path.
func interfacesOf(conn syscall.Conn, path string) agentInterfaces {
	agent, err := peerNamespaces(conn)
	switch {
	case err != nil && listensHere(path):
		node, _ := os.Hostname()
		return agentInterfaces{list: format.Interfaces, node: node}
	case err != nil:
		return agentInterfaces{reason: fmt.Errorf("the agent's network namespace is not known to be this one: %w", err)}
	}
	node := nodeIn(agent.uts)
	agent.uts.Close()
	if isOurs(agent.net, "net") {
		agent.net.Close()
		return agentInterfaces{list: format.Interfaces, node: node}
	}
	list := func() ([]format.Interface, error) { return interfacesIn(agent.net) }
	if _, err := list(); err != nil {
		agent.net.Close()
		if errors.Is(err, fs.ErrPermission) {
			err = errors.New("only root may enter it")
		}
		return agentInterfaces{reason: fmt.Errorf("the agent is in another network namespace: %w", err), node: node}
	}
	return agentInterfaces{list: list, namespace: agent.net, node: node}
}

// close releases the interfaces, which must not be asked for any more.
func (i *agentInterfaces) close() {
	if i.namespace != nil {
		i.namespace.Close()
	}
}

// interfacesIn returns the interfaces of a network namespace.
func interfacesIn(namespace *os.File) (interfaces []format.Interface, err error) {
	err = inNamespace(namespace, unix.CLONE_NEWNET, func() (err error) {
		interfaces, err = format.Interfaces()
		return err
	})
	return interfaces, err
}

// nodeIn returns what the machine is called in a UTS namespace, "" if this user may not enter it.
func nodeIn(namespace *os.File) (name string) {
	if isOurs(namespace, "uts") {
		name, _ = os.Hostname()
		return name
	}
	_ = inNamespace(namespace, unix.CLONE_NEWUTS, func() (err error) {
		name, err = os.Hostname()
		return err
	})
	return name
}
