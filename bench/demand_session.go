// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/api/payload"
	request "github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/bench/internal/control"
	"github.com/cilium/monitor/bench/internal/demand"
	"github.com/cilium/monitor/client"
)

// demandSession is an agent with clients in this process, that ask for what they want.
type demandSession struct {
	session
	datapath *demand.Datapath
	reading  sync.WaitGroup
	events   atomic.Uint64 // that all clients got
}

// withDemand calls f while the agent runs, reads the datapath, and has clients with these requests.
func withDemand(u *underTest, datapath *demand.Datapath, requests []request.Request, f func(*demandSession) error) (err error) {
	process, err := control.Start(exec.Command(u.binary, u.args...))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &demandSession{session: session{agent: process}, datapath: datapath}
	defer func() {
		stop()
		s.reading.Wait()
		err = errors.Join(err, process.Stop())
	}()
	if err := process.Call("ping", nil, nil); err != nil {
		return err
	}
	for i := range requests {
		if err := s.ask(ctx, u.socket, &requests[i]); err != nil {
			return err
		}
	}
	if err := s.awaitReader(); err != nil {
		return err
	}
	return f(s)
}

// ask connects a client, which counts until ctx is cancelled.
func (s *demandSession) ask(ctx context.Context, socket string, r *request.Request) error {
	c, err := client.DialRequest(ctx, socket, r)
	if err != nil {
		return err
	}
	s.reading.Go(func() {
		defer c.Close()
		for e, err := range c.Events() {
			if err != nil {
				return
			}
			if e.Type == payload.EventSample {
				s.events.Add(1)
			}
		}
	})
	return nil
}

// patience is how long what has to come is waited for.
const patience = 5 * time.Second

// awaitReader drops packets until somebody reads the events, and waits until all is quiet again.
func (s *demandSession) awaitReader() error {
	before, err := s.datapath.Counters()
	if err != nil {
		return err
	}
	for end := time.Now().Add(patience); ; {
		if err := s.datapath.Drop(); err != nil {
			return err
		}
		after, err := s.datapath.Counters()
		if err != nil {
			return err
		}
		time.Sleep(rest)
		if after.Written > before.Written {
			return nil
		}
		if time.Now().After(end) {
			return errors.New("nobody reads the events")
		}
	}
}

// rest is longer than events take to their clients.
const rest = 100 * time.Millisecond

// await waits until clients have got so many events, as long as that can take.
func (s *demandSession) await(events uint64) {
	for end := time.Now().Add(patience); s.events.Load() < events && time.Now().Before(end); {
		time.Sleep(rest)
	}
}

// cpuPerEvent measures the agent's CPU in nanoseconds an event, at a rate, and how many events clients got. It returns how many there were.
func (s *demandSession) cpuPerEvent(rate int, to *float64, got *uint64) (events uint64, err error) {
	if _, err := s.datapath.Ports(rate, warmUp); err != nil {
		return 0, err
	}
	time.Sleep(rest)
	gotBefore := s.events.Load()
	before, err := s.datapath.Counters()
	if err != nil {
		return 0, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return 0, err
	}
	if _, err := s.datapath.Ports(rate, demandFor); err != nil {
		return 0, err
	}
	time.Sleep(rest)
	used, err := s.cpu()
	if err != nil {
		return 0, err
	}
	after, err := s.datapath.Counters()
	if err != nil {
		return 0, err
	}
	events, *got = after.Written-before.Written, s.events.Load()-gotBefore
	*to = float64(used-cpu) / float64(events)
	return events, nil
}
