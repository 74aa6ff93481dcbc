// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// owner tells others in the network namespace that the process whose filters these are is
// alive, as the filters outlive it. It serves an abstract unix socket, which the kernel
// closes with the process. A stranger could take its name once it is free, but not the
// user id, which the name has in it; the filters have the name, and to add one takes
// CAP_NET_ADMIN.
type owner struct {
	name   string
	socket net.Listener
	served chan struct{} // closed when nobody accepts any more
}

const (
	ownerPrefix = "monitor-datapath/"
	// qdiscSuffix ends the names of filters whose owner made the qdisc, too.
	qdiscSuffix = "/clsact"
)

func newOwner() (*owner, error) {
	o := &owner{name: ownerPrefix + strconv.Itoa(os.Geteuid()) + "/" + rand.Text(), served: make(chan struct{})}
	var err error
	o.socket, err = net.Listen("unix", "@"+o.name)
	if err != nil {
		return nil, fmt.Errorf("tell others that the datapath runs: %w", err)
	}
	go func() {
		defer close(o.served)
		for {
			conn, err := o.socket.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	return o, nil
}

func (o *owner) close() {
	o.socket.Close()
	<-o.served
}

// filterName is the name of the owner's filters on a device.
func (o *owner) filterName(madeQdisc bool) string {
	if madeQdisc {
		return o.name + qdiscSuffix
	}
	return o.name
}

// parseFilterName returns the owner's name, and whether it made the qdisc.
func parseFilterName(filter string) (owner string, madeQdisc, ok bool) {
	owner, madeQdisc = strings.CutSuffix(filter, qdiscSuffix)
	return owner, madeQdisc, strings.HasPrefix(owner, ownerPrefix)
}

// ownerAlive tells whether the owner of that name is, in the network namespace of the
// calling thread.
func ownerAlive(name string) (bool, error) {
	uid, _, _ := strings.Cut(strings.TrimPrefix(name, ownerPrefix), "/")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, fmt.Errorf("ask for the owner of a filter: %w", err)
	}
	defer unix.Close(fd)
	// A socket with a full backlog is nobody's whom to wait for: an owner accepts at once.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return false, fmt.Errorf("ask for the owner of a filter: %w", err)
	}
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: "@" + name})
	}
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EAGAIN) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask for the owner %s of a filter: %w", name, err)
	}
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return false, fmt.Errorf("ask who owns a filter: %w", err)
	}
	return strconv.FormatUint(uint64(peer.Uid), 10) == uid, nil
}
