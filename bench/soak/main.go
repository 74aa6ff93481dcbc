// SPDX-License-Identifier: Apache-2.0

// Soak has an agent work under everything at once, and tells whether it kept its promises. It
// needs root.
//
// The agent is monitor.Cell in a process of its own, with the default configuration. A BPF
// program emits events on all CPUs, flat out, into its rings. 64 clients of another process read
// them or do not, of each temperament some that stay and some that come and go. In the agent's
// process 32 goroutines send events, and consumers and streams stay, or come and go. Meanwhile
// the events map is pinned anew, taken by another agent and given back, its entries are taken out, the
// embedded datapath is attached and detached, and, if told to, a CPU goes offline.
//
// Then all calms down, and each event is accounted for: promises.go has the sums. Exit code 1
// says that a promise was broken.
//
// Everything runs in namespaces with their own /sys/fs/bpf, /var/run and network, so that an agent that
// runs on the machine is not disturbed.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bench/internal/namespace"
)

// The arguments with which the driver runs itself as another process.
const (
	agentRole   = "agent"
	clientsRole = "clients"
	victimRole  = "victim"
)

type options struct {
	duration time.Duration
	plot     string
	hotplug  bool
	load     float64 // share of the full load
}

func main() {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	var err error
	switch role {
	case agentRole:
		err = serveAgent()
	case clientsRole:
		err = serveClients()
	case victimRole:
		err = beVictim()
	default:
		err = drive()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// drive is the process that starts the others.
func drive() error {
	var opts options
	flag.DurationVar(&opts.duration, "for", 2*time.Minute, "how long the load goes on")
	flag.StringVar(&opts.plot, "plot", "", "file to write the course of memory and events to, as SVG")
	flag.BoolVar(&opts.hotplug, "hotplug", false, "take a CPU offline now and then: for virtual machines only")
	flag.Float64Var(&opts.load, "load", 1, "share of the full load, for slow machines: above 0, at most 1")
	flag.Parse()
	if !(opts.load > 0 && opts.load <= 1) {
		return fmt.Errorf("-load is %v, not above 0 and at most 1", opts.load)
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}

	prio, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // 20 - niceness, as the system call has it
	if err != nil {
		return err
	}
	if err := namespace.Enter(20-prio, unix.CLONE_NEWNET); err != nil {
		return err
	}
	runtime.LockOSThread() // the other processes are killed when the thread ends that started them
	defer runtime.UnlockOSThread()
	if err := upDevice(); err != nil {
		return err
	}
	r, err := soak(opts)
	if err != nil {
		return err
	}
	r.print(os.Stdout, opts)
	if opts.plot != "" {
		if err := draw(opts.plot, r.samples); err != nil {
			return err
		}
	}
	if n := r.broken(); n > 0 {
		return fmt.Errorf("%d promises were broken", n)
	}
	return nil
}
