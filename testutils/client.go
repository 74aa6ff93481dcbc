// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"bufio"
	"context"
	"encoding/gob"
	"fmt"
	"net"
	"sync"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// Client is a client of the monitor API that keeps all it reads. It decodes with
// encoding/gob, as Cilium's clients do, and shares no code with the agent. Its methods
// may be called concurrently.
type Client struct {
	conn net.Conn
	seen recorder[payload.Payload]
	done chan struct{} // closed when the goroutine ends

	mu      sync.Mutex    // guards what follows
	resumed chan struct{} // closed on Resume; nil unless stalled
	opening string
}

// Connect connects to the agent that serves the socket. When it returns, the agent has
// taken up the client: it gets every event from then on. Close it in the end.
func Connect(ctx context.Context, socket string) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("connect to the monitor: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	rd := bufio.NewReader(conn)
	// The type information, with which each session begins.
	_, err = rd.Peek(1)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("wait for the monitor on %s to begin: %w", socket, err)
	}
	c := &Client{conn: conn, done: make(chan struct{})}
	go c.read(rd)
	return c, nil
}

func (c *Client) read(rd *bufio.Reader) {
	defer close(c.done)
	defer c.seen.end()
	dec := gob.NewDecoder(rd)
	for first := true; ; first = false {
		c.awaitResume()
		var pl struct {
			Data []byte
			CPU  int
			Lost uint64
			Type int
		}
		if dec.Decode(&pl) != nil {
			return
		}
		switch notice, ok := noticeOf(pl); {
		case pl.Type == payload.RecordLost:
			c.seen.loss(pl, pl.Lost)
		case first && ok:
			c.mu.Lock()
			c.opening = notice
			c.mu.Unlock()
		default:
			c.seen.event(pl)
		}
	}
}

// noticeOf returns what the monitor itself says in a payload.
func noticeOf(pl payload.Payload) (text string, ok bool) {
	if len(pl.Data) == 0 || pl.Data[0] != api.MessageTypeAgent {
		return "", false
	}
	var n api.AgentNotify
	if n.Decode(pl.Data) != nil {
		return "", false
	}
	return n.MonitorNotice()
}

// Opening returns what the agent said when the client connected: why it does not read events of
// the datapath. It is empty if all was well, and is no event: neither Payloads nor Counts have it. It is there
// once the client has seen an event, or the end.
func (c *Client) Opening() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opening
}

func (c *Client) awaitResume() {
	c.mu.Lock()
	resumed := c.resumed
	c.mu.Unlock()
	if resumed != nil {
		<-resumed
	}
}

// Stall makes the client stop reading, so that it falls behind. What it has read or is
// reading already, a few kilobytes at most, still comes.
func (c *Client) Stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resumed == nil {
		c.resumed = make(chan struct{})
	}
}

// Resume makes a stalled client read again.
func (c *Client) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resumed != nil {
		close(c.resumed)
		c.resumed = nil
	}
}

// Payloads returns all payloads read so far. Their Data must not be changed.
func (c *Client) Payloads() []payload.Payload { return c.seen.all() }

// Counts returns how many events the client got, and how many were reported to it as
// lost.
func (c *Client) Counts() (events, lost uint64) { return c.seen.counts() }

// WaitFor waits until the client has seen n events, counting those that were reported
// to it as lost. The error says what it has seen instead when ctx ends, after a
// minute, or when the connection ends.
func (c *Client) WaitFor(ctx context.Context, n uint64) error {
	return c.seen.waitFor(ctx, n, payloadLine)
}

// WaitEnd waits until the agent has closed the connection and everything before that is
// read, at most a minute.
func (c *Client) WaitEnd(ctx context.Context) error {
	return c.seen.waitEnd(ctx, payloadLine)
}

// Close closes the connection. What was read stays.
func (c *Client) Close() error {
	err := c.conn.Close()
	c.Resume()
	<-c.done
	return err
}
