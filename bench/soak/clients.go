// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/control"
)

// stayingEach is how many clients of each temperament stay from before the first event to the end,
// and comingAndGoing how many there are at once that do not: with the former as many as
// the agent takes.
const (
	stayingEach    = 4
	comingAndGoing = 64 - 4*6
)

// Staying is a client that stays.
type Staying struct {
	Temperament string
	Tally       Tally
	Error       string
}

// clients is the process of the clients.
type clients struct {
	staying []*staying
	calm    chan struct{} // closed when all read what there is as fast as they can
	readers sync.WaitGroup
	lives   *lives

	cancel context.CancelFunc // ends those that come and go
	ended  chan struct{}
}

type staying struct {
	temperament string
	conn        *net.UnixConn
	counted
	err error // guarded by mu
}

// serveClients does what the driver says until that closes stdin.
func serveClients() error {
	c := &clients{calm: make(chan struct{}), lives: newLives()}
	return control.Serve(map[string]control.Handler{
		"ping":    func(func(any) error) (any, error) { return nil, nil },
		"connect": func(func(any) error) (any, error) { return nil, c.connect() },
		"load": func(decode func(any) error) (any, error) {
			var share float64
			if err := decode(&share); err != nil {
				return nil, err
			}
			c.comeAndGo(stretch(20*time.Millisecond, share))
			return nil, nil
		},
		"calm": func(func(any) error) (any, error) {
			c.cancel()
			<-c.ended
			close(c.calm)
			return c.lives.get(), nil
		},
		"staying": func(func(any) error) (any, error) { return c.tallies(), nil },
		"leave": func(func(any) error) (any, error) {
			for _, s := range c.staying {
				s.conn.Close()
			}
			c.readers.Wait()
			return nil, nil
		},
	})
}

// connect connects the clients that stay.
func (c *clients) connect() error {
	for _, temper := range temperaments {
		for range stayingEach {
			conn, err := dial()
			if err != nil {
				return err
			}
			from, err := temper.reader(conn, c.calm)
			if err != nil {
				return fmt.Errorf("%s: %w", temper.name, err)
			}
			s := &staying{temperament: temper.name, conn: conn, counted: counted{t: newTracker()}}
			c.staying = append(c.staying, s)
			c.readers.Go(func() {
				err := decode(from, &s.counted)
				s.mu.Lock()
				defer s.mu.Unlock()
				if !errors.Is(err, net.ErrClosed) {
					s.err = err
				}
			})
		}
	}
	return nil
}

// tallies returns what the clients that stay have so far.
func (c *clients) tallies() (all []Staying) {
	for _, s := range c.staying {
		one := Staying{Temperament: s.temperament, Tally: s.tally()}
		s.mu.Lock()
		if s.err != nil {
			one.Error = s.err.Error()
		}
		s.mu.Unlock()
		all = append(all, one)
	}
	return all
}

func (c *clients) comeAndGo(pauses time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, make(chan struct{})
	var wg sync.WaitGroup
	for range comingAndGoing {
		wg.Go(func() {
			for pause(ctx, pauses) {
				c.life(ctx)
			}
		})
	}
	go func() {
		defer close(c.ended)
		wg.Wait()
	}()
}

// life is one client that comes, reads or does not, and goes.
func (c *clients) life(ctx context.Context) {
	kind := rand.IntN(len(temperaments) + len(departures))
	if kind >= len(temperaments) {
		d := departures[kind-len(temperaments)]
		c.lives.add(d.name, Tally{}, false, d.live(ctx))
		return
	}
	temper := temperaments[kind]
	tally, err := c.read(ctx, temper)
	refused := errors.Is(err, errRefused)
	if refused {
		err = nil
	}
	c.lives.add(temper.name, tally, refused, err)
}

// errRefused is why a client got nothing.
var errRefused = errors.New("the connection was closed without a byte")

// read is a client that reads, and leaves wherever it is.
func (c *clients) read(ctx context.Context, temper temperament) (Tally, error) {
	conn, err := dial()
	if err != nil {
		return Tally{}, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, rand.N(2*meanLife))
	defer cancel()
	leave := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer leave()
	from, err := temper.reader(conn, ctx.Done())
	if err != nil {
		return Tally{}, err
	}
	got := newCounted()
	err = decode(from, got)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return got.tally(), err
}

// decode counts what from has. It returns what is wrong with it, and errRefused if it is empty.
func decode(from io.Reader, into *counted) error {
	decoder := payload.NewDecoder(from)
	var pl payload.Payload
	for any := false; ; any = true {
		err := decoder.Decode(&pl)
		// The connection is reset if the agent has not read what the client wrote.
		if !any && (err == io.EOF || errors.Is(err, syscall.ECONNRESET)) {
			return errRefused
		}
		if err != nil {
			return err
		}
		into.mu.Lock()
		into.t.payload(&pl)
		into.mu.Unlock()
	}
}

func dial() (*net.UnixConn, error) {
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: agentproc.SocketPath, Net: "unix"})
}
