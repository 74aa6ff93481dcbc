// SPDX-License-Identifier: Apache-2.0

// Package drain is the client process of the comparison: connections to the
// monitor socket that read as fast as they can and count what they get.
package drain

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/bench/internal/clock"
	"github.com/cilium/monitor/bench/internal/control"
)

// Arg says what the client process connects to.
type Arg struct {
	Socket  string
	Clients int
	// Stalled is how many connections more there are that nobody reads from.
	Stalled int
	// Latency has every event decoded, with the decoder of this module's clients, and its age recorded.
	Latency bool
	// TimeOffset is where in a sample the time of its emission is.
	TimeOffset int
}

// Counts of events of one connection.
type Counts struct {
	Delivered  uint64
	LostKernel uint64 // reported with the CPU whose ring was full
	LostQueue  uint64 // reported with CPU -1
}

// Report is what the connections got so far.
type Report struct {
	Counts []Counts
	// Latency of the events of all connections since the last report.
	Latency Histogram
	Errors  []string
}

// Main serves the driver until it closes stdin.
func Main() {
	var conns []*conn
	var stalled []net.Conn
	err := control.Serve(map[string]control.Handler{
		"connect": func(decode func(any) error) (any, error) {
			var arg Arg
			if err := decode(&arg); err != nil {
				return nil, err
			}
			for range arg.Clients {
				c, err := dial(arg)
				if err != nil {
					return nil, err
				}
				conns = append(conns, c)
			}
			for range arg.Stalled {
				c, err := net.Dial("unix", arg.Socket)
				if err != nil {
					return nil, err
				}
				stalled = append(stalled, c)
			}
			return nil, nil
		},
		"report": func(func(any) error) (any, error) {
			rep := Report{Latency: Histogram{}}
			for _, c := range conns {
				c.report(&rep)
			}
			return rep, nil
		},
	})
	for _, c := range stalled {
		c.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

type conn struct {
	net net.Conn

	delivered, lostKernel, lostQueue atomic.Uint64

	mu      sync.Mutex
	latency Histogram // guarded by mu
	err     error     // guarded by mu
}

func dial(arg Arg) (*conn, error) {
	nc, err := net.Dial("unix", arg.Socket)
	if err != nil {
		return nil, err
	}
	c := &conn{net: nc, latency: Histogram{}}
	read := c.count
	if arg.Latency {
		read = func() error { return c.decode(arg.TimeOffset) }
	}
	go func() {
		err := read()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = err
	}()
	return c, nil
}

func (c *conn) report(rep *Report) {
	rep.Counts = append(rep.Counts, Counts{c.delivered.Load(), c.lostKernel.Load(), c.lostQueue.Load()})
	c.mu.Lock()
	defer c.mu.Unlock()
	rep.Latency.Merge(c.latency)
	clear(c.latency)
	if c.err != nil {
		rep.Errors = append(rep.Errors, c.err.Error())
	}
}

// count reads and counts without decoding.
func (c *conn) count() error {
	buf := make([]byte, 128<<10)
	fill := 0
	var counts Counts
	for {
		n, err := c.net.Read(buf[fill:])
		if err != nil {
			return err
		}
		fill += n
		done, err := count(buf[:fill], &counts)
		if err != nil {
			return err
		}
		if fill = copy(buf, buf[done:fill]); fill == len(buf) {
			return fmt.Errorf("a message of more than %d bytes", len(buf))
		}
		c.delivered.Store(counts.Delivered)
		c.lostKernel.Store(counts.LostKernel)
		c.lostQueue.Store(counts.LostQueue)
	}
}

// decode reads as users' clients do, and records the age of each event that has
// the time of its emission.
func (c *conn) decode(timeOffset int) error {
	start, epoch := time.Now(), clock.Monotonic() // a system call, which is not made for each event
	dec := payload.NewDecoder(c.net)
	for {
		var p payload.Payload
		if err := dec.Decode(&p); err != nil {
			return err
		}
		switch {
		case len(p.Data) == 0 && p.CPU < 0:
			c.lostQueue.Add(p.Lost)
		case len(p.Data) == 0:
			c.lostKernel.Add(p.Lost)
		default:
			c.delivered.Add(1)
			if len(p.Data) < timeOffset+8 {
				continue
			}
			if emitted := binary.NativeEndian.Uint64(p.Data[timeOffset:]); emitted != 0 {
				c.mu.Lock()
				c.latency.Add(time.Duration(epoch-int64(emitted)) + time.Since(start))
				c.mu.Unlock()
			}
		}
	}
}
