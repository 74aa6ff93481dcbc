// SPDX-License-Identifier: Apache-2.0

// Bench runs this project's monitor agent and Cilium's own on the same work, in
// turns, and prints what each costs. It needs root, and the Go toolchain to build
// the agents, each a binary of its own.
//
// The load is a BPF program that emits trace notifications with 128 bytes of the
// packet, run with BPF_PROG_TEST_RUN on CPU 0 at a rate, or flat out. The clients
// are connections of one other process that count what they get; for the
// latency they decode it. What is measured:
//
//   - datapath tax: the time inside bpf_perf_event_output, per event, whether
//     the ring had space or not. Its floor is the same program with a reader that
//     the kernel never wakes. Both include reading the clock.
//   - agent CPU: what the kernel counts for the agent's process until the last
//     event has arrived, per event in the ring and per event at a client.
//   - fate: of the events emitted, times the clients, what was delivered,
//     reported lost, and neither.
//   - latency: from the time of the emission that the BPF program wrote into the
//     packet to the client's having decoded the event.
//   - stalled: the same, and losses, of one client that reads, alone and beside 63 that do not.
//   - peak memory: the largest resident set of the agent's process.
//
// Everything runs in a mount namespace with its own /sys/fs/bpf and /var/run, so
// that an agent that runs on the machine is not disturbed.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/namespace"
)

// clientRole is the argument with which the driver runs itself as the client.
const clientRole = "client"

// niceness of the driver and all it starts, so that what else runs on the
// machine disturbs the figures less.
const niceness = -15

// sections of the comparison, for -only.
var sections = []string{"cost", "latency", "stalled", "lossfree", "idle", "send"}

type options struct {
	agents         []string
	only           []string
	rates, clients []int
	rounds         int
	duration       time.Duration
	slow           time.Duration // one latency run at a low rate
	chart          string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == clientRole {
		drain.Main()
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	opts, err := parseFlags()
	if err != nil {
		return err
	}
	if err := namespace.Enter(niceness, 0); err != nil {
		return err
	}
	release, err := alone()
	if err != nil {
		return err
	}
	defer release()
	dir, err := os.MkdirTemp("", "monitor-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binaries := make(map[string]string, len(opts.agents))
	for _, name := range opts.agents {
		binaries[name] = filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-o", binaries[name], "github.com/cilium/monitor/bench/"+name)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("building %s: %w", name, err)
		}
	}
	b, err := newBench(opts, binaries)
	if err != nil {
		return err
	}
	err = b.run()
	if closeErr := b.emitter.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	b.results.print(os.Stdout, opts)
	if opts.chart == "" {
		return nil
	}
	return b.results.draw(opts.chart)
}

func parseFlags() (options, error) {
	var (
		opts    options
		short   = flag.Bool("short", false, "a quick run: fewer rows, one round")
		only    = flag.String("only", strings.Join(sections, ","), "parts to run")
		agents  = flag.String("agents", strings.Join([]string{ours, ciliums}, ","), "agents to run")
		rates   = flag.String("rates", "", "events a second for the cost rows, 0 is flat out (default 1000,20000,100000,0)")
		clients = flag.String("clients", "", "numbers of clients for the cost rows (default 1,4,16,64)")
	)
	flag.IntVar(&opts.rounds, "rounds", 0, "how often each agent has its turn in each row (default 3)")
	flag.DurationVar(&opts.duration, "duration", time.Second, "load of one cost run")
	flag.StringVar(&opts.chart, "chart", "", "file to write the chart to, as SVG")
	flag.Parse()

	def := func(p *string, full, quick string) {
		if *p == "" {
			*p = full
			if *short {
				*p = quick
			}
		}
	}
	def(rates, "1000,20000,100000,0", "20000,0")
	def(clients, "1,4,16,64", "1,4,16")
	opts.slow = 6 * time.Second
	if *short {
		opts.slow = 4 * time.Second
	}
	if opts.rounds == 0 {
		opts.rounds = 3
		if *short {
			opts.rounds = 1
		}
	}
	opts.agents = strings.Split(*agents, ",")
	opts.only = strings.Split(*only, ",")
	var err error
	if opts.rates, err = ints(*rates); err != nil {
		return opts, err
	}
	opts.clients, err = ints(*clients)
	return opts, err
}

func ints(list string) (out []int, err error) {
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is not a list of numbers", list)
		}
		out = append(out, n)
	}
	return out, nil
}
