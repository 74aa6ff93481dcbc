// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/format"
)

// agentInterfaces are the network interfaces of the agent at the other end of a connection. Events
// have their indexes, which mean nothing in another network namespace than the agent's.
type agentInterfaces struct {
	list      func() ([]format.Interface, error) // nil: they cannot be had
	reason    error                              // why
	namespace *os.File                           // that list enters; nil: none
}

// interfacesOf returns the interfaces of the agent that listens at path.
func interfacesOf(conn syscall.Conn, path string) agentInterfaces {
	namespace, err := peerNamespace(conn)
	switch {
	case err != nil && listensHere(path):
		return agentInterfaces{list: format.Interfaces}
	case err != nil:
		return agentInterfaces{reason: fmt.Errorf("the agent's network namespace is not known to be this one: %w", err)}
	case isOurNamespace(namespace):
		namespace.Close()
		return agentInterfaces{list: format.Interfaces}
	}
	list := func() ([]format.Interface, error) { return interfacesIn(namespace) }
	if _, err := list(); err != nil {
		namespace.Close()
		if errors.Is(err, fs.ErrPermission) {
			err = errors.New("only root may enter it")
		}
		return agentInterfaces{reason: fmt.Errorf("the agent is in another network namespace: %w", err)}
	}
	return agentInterfaces{list: list, namespace: namespace}
}

// close releases the interfaces, which must not be asked for any more.
func (i *agentInterfaces) close() {
	if i.namespace != nil {
		i.namespace.Close()
	}
}

// isOurNamespace reports whether this process is in a network namespace.
func isOurNamespace(namespace *os.File) bool {
	theirs, err := namespace.Stat()
	if err != nil {
		return false
	}
	ours, err := os.Stat("/proc/self/ns/net")
	return err == nil && os.SameFile(ours, theirs)
}

// interfacesIn returns the interfaces of a network namespace.
func interfacesIn(namespace *os.File) (interfaces []format.Interface, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock it: the thread ends with the goroutine
		if err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			err = os.NewSyscallError("setns", err)
			return
		}
		interfaces, err = format.Interfaces()
	}()
	<-done
	return interfaces, err
}
