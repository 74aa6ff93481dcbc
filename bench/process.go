// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/control"
	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/testutils"
)

// session is an agent under test with its clients.
type session struct {
	agent, client *control.Process
	clients       int // that read
	// Of the time before all clients had their first event: events that the agent's datapath had for
	// a reader, and those that the clients got of them, taken together.
	emitted, received uint64
}

// offered is how many events there were for a reader.
func offered(c testutils.Counters) uint64 { return c.Written + c.NoSpace }

// startSession starts the agent and connects the clients. It returns once they get events.
func startSession(u *underTest, arg drain.Arg) (s *session, err error) {
	s = &session{clients: arg.Clients}
	if s.agent, err = control.Start(exec.Command(u.binary, u.args...)); err != nil {
		return nil, err
	}
	// It answers once it serves the socket.
	if err = s.agent.Call("ping", nil, nil); err == nil {
		arg.Socket = u.socket
		s.client, err = startClients(arg)
	}
	if err == nil {
		err = s.awaitClients(u.emitter)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", u.binary, err), s.stop())
	}
	return s, nil
}

// awaitClients emits events until each client has got one.
func (s *session) awaitClients(from source) error {
	const patience, step = 10 * time.Second, 5 * time.Millisecond
	waiting := func(c drain.Counts) bool { return c.Delivered == 0 }
	for deadline := time.Now().Add(patience); ; {
		if err := from.EmitOnEach(); err != nil {
			return err
		}
		time.Sleep(step)
		r, err := s.report()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(r.Counts, waiting) {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not all of %d clients get events", s.clients)
		}
	}
	last, err := settle(s, 0, drain.Histogram{})
	if err != nil {
		return err
	}
	counters, err := from.Counters()
	s.emitted, s.received = offered(counters), sum(last)
	return err
}

// startClients starts the process of the clients, and connects them.
func startClients(arg drain.Arg) (*control.Process, error) {
	p, err := control.Start(exec.Command("/proc/self/exe", clientRole))
	if err != nil {
		return nil, err
	}
	if err := p.Call("connect", arg, nil); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

func (s *session) stop() error {
	var err error
	for _, p := range []*control.Process{s.client, s.agent} {
		if p != nil {
			if stopErr := p.Stop(); err == nil {
				err = stopErr
			}
		}
	}
	return err
}

func (s *session) report() (drain.Report, error) {
	var r drain.Report
	err := s.client.Call("report", nil, &r)
	if err == nil && len(r.Errors) > 0 {
		err = fmt.Errorf("%d connections failed: %s", len(r.Errors), r.Errors[0])
	}
	return r, err
}

// cpu returns the CPU time of the agent's process so far, in the kernel's own
// count of nanoseconds.
func (s *session) cpu() (time.Duration, error) {
	const cpuClockSched = 2 // linux/posix-timers.h: CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^s.agent.PID()<<3|cpuClockSched), &ts); err != nil {
		return 0, fmt.Errorf("reading the agent's CPU clock: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

func (s *session) allocs() (a agentproc.Allocs, err error) {
	return a, s.agent.Call("allocs", nil, &a)
}

// peakMemory returns the largest resident set the agent had, in bytes.
func (s *session) peakMemory() (float64, error) {
	return procKB(fmt.Sprintf("/proc/%d/status", s.agent.PID()), "VmHWM:")
}

// proportional returns the agent's proportional set size now, in bytes.
func (s *session) proportional() (float64, error) {
	return procKB(fmt.Sprintf("/proc/%d/smaps_rollup", s.agent.PID()), "Pss:")
}

func procKB(path, field string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if rest, ok := strings.CutPrefix(sc.Text(), field); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb * 1024, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, field)
}
