// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/control"
	"github.com/cilium/monitor/bench/internal/demand"
)

// hubbleSession is an agent with Hubble, and with one follower in this process or none.
type hubbleSession struct {
	session
	datapath *demand.Datapath
	observer observerpb.ObserverClient

	reading     sync.WaitGroup
	flows, lost atomic.Uint64 // that the follower got, and was told of
	first       atomic.Int64  // when it got the first flow, in ns of Unix time
}

// hubbleSocket is where either agent serves Hubble's API.
func hubbleSocket() string { return filepath.Join(filepath.Dir(agentproc.SocketPath), "hubble.sock") }

// withHubble calls f while the agent runs with these flags, with a follower unless the request is nil. Nobody may be reading the events yet.
func withHubble(binary string, args []string, datapath *demand.Datapath, request *observerpb.GetFlowsRequest, f func(*hubbleSession) error) (err error) {
	process, err := control.Start(exec.Command(binary, slices.Concat([]string{"--hubble-socket-path=" + hubbleSocket()}, args)...))
	if err != nil {
		return err
	}
	s := &hubbleSession{session: session{agent: process}, datapath: datapath}
	defer func() { err = errors.Join(err, process.Stop()) }()
	if err := process.Call("ping", nil, nil); err != nil {
		return err
	}
	conn, err := grpc.NewClient("unix://"+hubbleSocket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer func() {
		stop()
		s.reading.Wait()
		err = errors.Join(err, conn.Close())
	}()
	s.observer = observerpb.NewObserverClient(conn)
	if request != nil {
		if err := s.follow(ctx, request); err != nil {
			return err
		}
	}
	return f(s)
}

// follow has a follower count until ctx is cancelled.
func (s *hubbleSession) follow(ctx context.Context, request *observerpb.GetFlowsRequest) error {
	stream, err := s.observer.GetFlows(ctx, request)
	if err != nil {
		return err
	}
	s.reading.Go(func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			switch response := r.GetResponseTypes().(type) {
			case *observerpb.GetFlowsResponse_Flow:
				s.first.CompareAndSwap(0, time.Now().UnixNano())
				s.flows.Add(1)
			case *observerpb.GetFlowsResponse_LostEvents:
				s.lost.Add(response.LostEvents.GetNumEventsLost())
			}
		}
	})
	return nil
}

// awaitReader has events until the agent reads them, and the follower, if there is one, has got one that it takes.
func (s *hubbleSession) awaitReader(follower bool) error {
	before, err := s.datapath.Counters()
	if err != nil {
		return err
	}
	for end := time.Now().Add(patience); ; {
		if _, err := s.datapath.Ports(hubbleRate, warmUp); err != nil {
			return err
		}
		after, err := s.datapath.Counters()
		if err != nil {
			return err
		}
		s.settle()
		if after.Written > before.Written && (!follower || s.flows.Load() > 0) {
			return nil
		}
		if time.Now().After(end) {
			return errors.New("nobody reads the events")
		}
	}
}

// settle waits until nothing comes to the follower any more.
func (s *hubbleSession) settle() {
	for before := s.flows.Load(); ; {
		time.Sleep(rest)
		now := s.flows.Load()
		if now == before {
			return
		}
		before = now
	}
}

// cpuPerEvent measures the agent's CPU in nanoseconds an event, at a rate.
func (s *hubbleSession) cpuPerEvent(rate int) (float64, error) {
	before, err := s.datapath.Counters()
	if err != nil {
		return 0, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return 0, err
	}
	if _, err := s.datapath.Ports(rate, hubbleFor); err != nil {
		return 0, err
	}
	s.settle()
	used, err := s.cpu()
	if err != nil {
		return 0, err
	}
	after, err := s.datapath.Counters()
	if err != nil {
		return 0, err
	}
	if n := after.NoReader + after.Failed - before.NoReader - before.Failed; n > 0 {
		return 0, fmt.Errorf("%d events met no reader", n)
	}
	return float64(used-cpu) / float64(after.Written-before.Written), nil
}

// hubbleFate is what events came to, at a follower that takes all.
type hubbleFate struct {
	Events float64 // that there were, whether the ring had space or not
	Flows  float64 // that came to the follower
	Lost   float64 // that it was told of
}

func (f hubbleFate) minus(o hubbleFate) hubbleFate {
	return hubbleFate{f.Events - o.Events, f.Flows - o.Flows, f.Lost - o.Lost}
}

// silent is how many events the follower was not told of. It is negative if it was told of more than there were.
func (f hubbleFate) silent() float64 { return f.Events - f.Flows - f.Lost }

// fate returns the fate of all events so far, once the follower was told of all losses: that takes an event after them, and
// Cilium's tells of them at most once a second.
func (s *hubbleSession) fate() (hubbleFate, error) {
	const interval, steps = 1100 * time.Millisecond, 2
	for range steps {
		time.Sleep(interval)
		if err := s.datapath.Trace(1); err != nil {
			return hubbleFate{}, err
		}
	}
	s.settle()
	c, err := s.datapath.Counters()
	return hubbleFate{float64(c.Written + c.NoSpace), float64(s.flows.Load()), float64(s.lost.Load())}, err
}

// hold has events until so many are kept, and returns how many are, and the memory of the agent in bytes.
func (s *hubbleSession) hold(events uint64) (held, memory float64, err error) {
	for end := time.Now().Add(2 * patience); ; {
		if _, err := s.datapath.Ports(2*hubbleRate, warmUp); err != nil {
			return 0, 0, err
		}
		time.Sleep(rest)
		status, err := s.observer.ServerStatus(context.Background(), &observerpb.ServerStatusRequest{})
		if err != nil {
			return 0, 0, err
		}
		if status.GetNumFlows() >= events {
			memory, err := s.proportional()
			return float64(status.GetNumFlows()), memory, err
		}
		if time.Now().After(end) {
			return 0, 0, fmt.Errorf("%d events are kept of %d", status.GetNumFlows(), events)
		}
	}
}

// freshEvents is how many events a fresh node has for its follower, one every freshEvery.
const (
	freshEvents = 100
	freshEvery  = 10 * time.Millisecond
)

// fresh has a few events on a node that had none, and returns when the follower got the first, NaN if it got none, and how many it got.
func (s *hubbleSession) fresh() (first, seen float64, err error) {
	time.Sleep(5 * rest) // until the agent reads and the request is there, which nothing tells without an event
	before, err := s.datapath.Counters()
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	for range freshEvents {
		if err := s.datapath.Trace(1); err != nil {
			return 0, 0, err
		}
		time.Sleep(freshEvery)
	}
	s.settle()
	after, err := s.datapath.Counters()
	if err != nil {
		return 0, 0, err
	}
	if n := after.Written - before.Written; n != freshEvents {
		return 0, 0, fmt.Errorf("%d of %d events on a fresh node were written", n, freshEvents)
	}
	first = math.NaN()
	if at := s.first.Load(); at != 0 {
		first = float64(at - begun.UnixNano())
	}
	return first, float64(s.flows.Load()), nil
}

// hubbleFilter is a request for what has a port.
func hubbleFilter(port int) *observerpb.GetFlowsRequest {
	return &observerpb.GetFlowsRequest{Follow: true, Whitelist: []*flowpb.FlowFilter{{DestinationPort: []string{fmt.Sprint(port)}}}}
}
