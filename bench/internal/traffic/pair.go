// SPDX-License-Identifier: Apache-2.0

// Package traffic sends real packets through a device, and has BPF programs there that report each of them.
package traffic

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The two ends of the pair.
var (
	near = netip.MustParsePrefix("192.0.2.1/30")
	far  = netip.MustParsePrefix("192.0.2.2/30")
)

const nearName, farName = "bench-near", "bench-far"

// Pair is a veth pair between the network namespace of the process and one of its own, in which a
// server answers.
type Pair struct {
	Device   int // index of the near end
	listener net.Listener
	serving  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu
}

// NewPair makes the pair.
func NewPair() (*Pair, error) {
	p := &Pair{conns: map[net.Conn]struct{}{}}
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: nearName}, PeerName: farName}
	if err := netlink.LinkAdd(veth); err != nil {
		return nil, fmt.Errorf("making a veth pair: %w", err)
	}
	err := p.start()
	if err != nil {
		return nil, errors.Join(err, netlink.LinkDel(veth))
	}
	return p, nil
}

func (p *Pair) start() error {
	link, err := netlink.LinkByName(farName)
	if err != nil {
		return err
	}
	err = inNewNetwork(func(namespace int) (err error) {
		if err := netlink.LinkSetNsFd(link, namespace); err != nil {
			return fmt.Errorf("moving %s: %w", farName, err)
		}
		return nil
	}, func() (err error) {
		if _, err = setUp(farName, far); err != nil {
			return err
		}
		p.listener, err = net.Listen("tcp", netip.AddrPortFrom(far.Addr(), 0).String())
		return err
	})
	if err != nil {
		return err
	}
	if p.Device, err = setUp(nearName, near); err != nil {
		return errors.Join(err, p.listener.Close())
	}
	p.serving.Go(p.serve)
	return nil
}

// inNewNetwork calls prepare in the network namespace of the caller with a descriptor of a new one, and
// then f in that.
func inNewNetwork(prepare func(namespace int) error, f func() error) error {
	namespace, result := make(chan int), make(chan error)
	prepared := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with its namespace
		result <- func() error {
			fd := -1
			err := unix.Unshare(unix.CLONE_NEWNET)
			if err == nil {
				var file *os.File
				if file, err = os.Open("/proc/thread-self/ns/net"); err == nil {
					defer file.Close()
					fd = int(file.Fd())
				}
			}
			namespace <- fd
			if err := errors.Join(err, <-prepared); err != nil {
				return fmt.Errorf("making a network namespace: %w", err)
			}
			return f()
		}()
	}()
	if fd := <-namespace; fd < 0 {
		prepared <- nil
	} else {
		prepared <- prepare(fd)
	}
	return <-result
}

// setUp gives the device of that name an address, and returns its index.
func setUp(name string, address netip.Prefix) (int, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return 0, fmt.Errorf("finding %s: %w", name, err)
	}
	addr, err := netlink.ParseAddr(address.String())
	if err != nil {
		return 0, err
	}
	if err := netlink.AddrAdd(link, addr); err != nil {
		return 0, fmt.Errorf("giving %s an address: %w", name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return 0, fmt.Errorf("setting %s up: %w", name, err)
	}
	return link.Attrs().Index, nil
}

// What a client wants, the first byte on a connection.
const (
	wantSink = 's' // all that comes is thrown away
	wantEcho = 'e' // all that comes is sent back
)

func (p *Pair) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.mu.Lock()
		p.conns[conn] = struct{}{}
		p.mu.Unlock()
		p.serving.Go(func() {
			answer(conn)
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.conns, conn)
			conn.Close()
		})
	}
}

func answer(conn net.Conn) {
	var want [1]byte
	if _, err := io.ReadFull(conn, want[:]); err != nil {
		return
	}
	to := io.Discard
	if want[0] == wantEcho {
		to = conn
	}
	// Hidden from io.CopyBuffer are the ways of both to splice, which would leave nothing for user space to do.
	_, _ = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{conn}, make([]byte, bulkWrite)) // until the client is gone
}

// dial connects to the server.
func (p *Pair) dial(want byte) (net.Conn, error) {
	conn, err := net.Dial("tcp", p.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte{want}); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Close removes the pair.
func (p *Pair) Close() error {
	err := p.remove()
	err = errors.Join(err, p.listener.Close())
	p.mu.Lock()
	for conn := range p.conns {
		conn.Close()
	}
	p.mu.Unlock()
	p.serving.Wait()
	return err
}

// remove removes the devices. Once nothing is open in the far namespace the kernel does so, too, at some time.
func (p *Pair) remove() error {
	link, err := netlink.LinkByName(nearName)
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}
