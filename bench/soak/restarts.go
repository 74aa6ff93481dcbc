// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bench/internal/agentproc"
)

// taken is what another agent read while it had the map.
type taken struct{ Read, RingLost uint64 }

// restarts does to the datapath what happens to one, again and again.
type restarts struct {
	datapath *datapath
	agent    *caller
	hotplug  bool

	done  map[string]int // how often, by what it was
	taken taken
}

// The kinds of restarts, as the report calls them.
const (
	pinnedAnew   = "map pinned anew"
	mapTaken     = "map taken and given back"
	entryTaken   = "entry taken out"
	deviceTraced = "device attached and detached"
	cpuOffline   = "CPU offline and online"
)

// run does so until ctx ends, and leaves a datapath that is whole.
func (r *restarts) run(ctx context.Context) error {
	type kind struct {
		name string
		do   func(context.Context) error
	}
	kinds := []kind{
		{pinnedAnew, func(context.Context) error { return r.datapath.restart() }},
		{mapTaken, r.takeMap},
		{entryTaken, func(context.Context) error { return r.datapath.takeOut(rand.IntN(len(r.datapath.cpus))) }},
		{deviceTraced, func(ctx context.Context) error { return traceDevice(ctx, r.agent) }},
	}
	if r.hotplug {
		kinds = append([]kind{{cpuOffline, r.unplug}}, kinds...)
	}
	for n := 0; pause(ctx, 2*time.Second); n++ {
		kind := kinds[n%len(kinds)]
		if err := kind.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		r.done[kind.name]++
	}
	return nil
}

// takeMap has another agent take the map for some seconds.
func (r *restarts) takeMap(ctx context.Context) error {
	log := logrus.New()
	log.SetLevel(logrus.FatalLevel)
	other, cancel := context.WithCancel(context.Background())
	defer cancel()
	thief := agent.NewAgent(other, agent.WithLogger(log), agent.WithEventsMap(agentproc.EventsMapPath), agent.WithTakeOver())
	thief.RegisterNewConsumer(nobody{})
	if err := thief.AttachToEventsMap(agentproc.PerfPages); err != nil {
		return err
	}
	pause(ctx, 1500*time.Millisecond)
	cancel()
	<-thief.Done()
	stats := thief.Stats()
	r.taken.Read += stats.Datapath.Events()
	r.taken.RingLost += stats.Lost.Ring()
	return nil
}

// nobody is a consumer that wants nothing.
type nobody struct{}

func (nobody) NotifyAgentEvent(int, any)       {}
func (nobody) NotifyPerfEvent([]byte, int)     {}
func (nobody) NotifyPerfEventLost(uint64, int) {}

// unplug takes the last CPU offline for a moment.
func (r *restarts) unplug(ctx context.Context) error {
	cpu := len(r.datapath.cpus) - 1
	online := fmt.Sprintf("/sys/devices/system/cpu/cpu%d/online", cpu)
	quiet := &r.datapath.cpus[cpu]
	quiet.Lock()
	defer quiet.Unlock()
	if err := os.WriteFile(online, []byte("0"), 0); err != nil {
		return err
	}
	pause(ctx, 500*time.Millisecond)
	return os.WriteFile(online, []byte("1"), 0)
}
