// SPDX-License-Identifier: Apache-2.0

// Package agentproc is what the processes of both agents under test have in
// common: they start the agent, then answer the driver's questions about it.
package agentproc

import (
	"fmt"
	"os"
	"runtime/metrics"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bench/internal/control"
)

// The defaults of both agents.
const (
	EventsMapPath = "/sys/fs/bpf/tc/globals/cilium_events"
	SocketPath    = "/var/run/cilium/monitor1_2.sock"
	PerfPages     = 64 // for each CPU
)

// Agent is an agent under test.
type Agent struct {
	// SendEvent sends one event of user space, the same one in both agents; nil if the driver does not ask for that.
	SendEvent func() error
	// Stop ends the agent.
	Stop func() error
}

// Counter is a consumer of either agent that counts events.
type Counter struct{ events, lost uint64 }

// NotifyAgentEvent counts an event of user space.
func (c *Counter) NotifyAgentEvent(int, any) { c.events++ }

// NotifyPerfEvent counts an event of the datapath.
func (c *Counter) NotifyPerfEvent([]byte, int) { c.events++ }

// NotifyPerfEventLost counts what was lost.
func (c *Counter) NotifyPerfEventLost(lost uint64, _ int) { c.lost += lost }

// Allocs counts heap allocations since the process started.
type Allocs struct{ Objects, Bytes uint64 }

// SendArg says how many events to send. They go out in batches that no queue
// is too small for, with a pause after each, so that none is lost and the
// listeners' work for all of them is counted.
type SendArg struct {
	Events, Batch int
	Pause         time.Duration
}

// SendResult is what sending the events took.
type SendResult struct {
	Wall   time.Duration // in the caller of SendEvent, pauses excluded
	CPU    time.Duration // of the whole process
	Allocs Allocs
}

// Main starts the agent and serves the driver until it closes stdin.
func Main(start func() (Agent, error)) {
	if err := run(start); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

func run(start func() (Agent, error)) error {
	agent, err := start()
	if err != nil {
		return fmt.Errorf("starting the agent: %w", err)
	}
	err = control.Serve(map[string]control.Handler{
		"ping": func(func(any) error) (any, error) { return nil, nil },
		"allocs": func(func(any) error) (any, error) {
			return allocs(), nil
		},
		"send": func(decode func(any) error) (any, error) {
			var arg SendArg
			if err := decode(&arg); err != nil {
				return nil, err
			}
			return send(agent, arg)
		},
	})
	if stopErr := agent.Stop(); err == nil {
		err = stopErr
	}
	return err
}

func send(agent Agent, arg SendArg) (SendResult, error) {
	var res SendResult
	allocs0, cpu0 := allocs(), cpuTime()
	for sent := 0; sent < arg.Events; sent += arg.Batch {
		t0 := time.Now()
		for range arg.Batch {
			if err := agent.SendEvent(); err != nil {
				return res, err
			}
		}
		res.Wall += time.Since(t0)
		time.Sleep(arg.Pause)
	}
	allocs1 := allocs()
	res.CPU = cpuTime() - cpu0
	res.Allocs = Allocs{allocs1.Objects - allocs0.Objects, allocs1.Bytes - allocs0.Bytes}
	return res, nil
}

func allocs() Allocs {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return Allocs{s[0].Value.Uint64(), s[1].Value.Uint64()}
}

func cpuTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		return 0 // the clock of the process itself always exists
	}
	return time.Duration(ts.Nano())
}
