// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/buildinfo"
)

// names are what clients of API 1.3 are told: those of the node, of its interfaces, and what is registered.
// Interfaces are asked for when the kernel says that one has changed, or each time if it can't say so.
type names struct {
	mu      sync.Mutex // guards what follows
	links   int        // a netlink socket that is told of changes; 0 if there is none, -1 once it is closed
	current *session.Dictionary
}

// open begins to watch the interfaces of the network namespace that the process is in.
func (n *names) open() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("watch network interfaces: open a netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		return errors.Join(fmt.Errorf("watch network interfaces: bind a netlink socket: %w", err), unix.Close(fd))
	}
	n.links = fd
	return nil
}

// close ends that. The names that were known last stay.
func (n *names) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.links <= 0 {
		return nil
	}
	fd := n.links
	n.links = -1
	return unix.Close(fd)
}

// dictionary returns the names as they are, the same pointer as before if none has changed.
func (n *names) dictionary() *session.Dictionary {
	n.mu.Lock()
	defer n.mu.Unlock()
	vocabulary := recording.Vocabulary()
	if !n.linksChangedLocked() && n.current != nil && sameVocabulary(&vocabulary, &n.current.Names) {
		return n.current
	}
	d := &session.Dictionary{Names: vocabulary}
	d.Node, _ = os.Hostname() // without it there is no name
	interfaces, err := format.Interfaces()
	if err != nil && n.current != nil {
		d.AlternativeNames = n.current.AlternativeNames // and the names, of what seems to be gone
	}
	d.Interfaces = n.gone(interfaces)
	for _, i := range interfaces {
		d.Interfaces[i.Index] = i.Name
		if len(i.AltNames) > 0 {
			if d.AlternativeNames == nil {
				d.AlternativeNames = make(map[uint32][]string)
			}
			d.AlternativeNames[i.Index] = slices.Clone(i.AltNames)
		}
	}
	if n.current != nil {
		if _, changed := d.Since(n.current); !changed {
			return n.current
		}
	}
	n.current = d
	return d
}

// maxGone is how many interfaces that are gone keep their names, for the events that are still on their way.
const maxGone = 1024

// gone returns the names of interfaces that were there and are not among these.
func (n *names) gone(interfaces []format.Interface) map[uint32]string {
	gone := make(map[uint32]string)
	if n.current == nil || len(n.current.Interfaces) > len(interfaces)+maxGone {
		return gone
	}
	maps.Copy(gone, n.current.Interfaces)
	for _, i := range interfaces {
		delete(gone, i.Index)
	}
	return gone
}

// maxLinkMessages is how many messages of the kernel are taken at once.
const maxLinkMessages = 1000

// linksChangedLocked tells whether the kernel said so, and takes all that it said. The caller holds n.mu.
func (n *names) linksChangedLocked() (changed bool) {
	var buf [4096]byte
	if n.links <= 0 {
		return n.links == 0
	}
	for range maxLinkMessages {
		_, _, err := unix.Recvfrom(n.links, buf[:], 0)
		if errors.Is(err, unix.EAGAIN) {
			return changed
		}
		changed = true // ENOBUFS says that there was more than the socket could keep
	}
	return changed
}

func sameVocabulary(a, b *recording.Names) bool {
	return maps.Equal(a.MessageTypes, b.MessageTypes) && maps.Equal(a.DropReasons, b.DropReasons) && maps.Equal(a.SourceFiles, b.SourceFiles)
}

// program is the name of this one, and its version.
func program() string {
	return filepath.Base(os.Args[0]) + " " + buildinfo.Read().Version
}
