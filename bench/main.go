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
//     packet to the client's having decoded the event, with this module's decoder.
//   - stalled: the same, and losses, of one client that reads, alone and beside 63 that do not.
//   - peak memory: the largest resident set of the agent's process.
//   - shapes: all of this for bursts of any size, on one CPU or more, with both agents running all the
//     time, each with an events map of its own; and what one wake-up costs the datapath: what it adds
//     to the tax of events that come one by one.
//   - traffic: the same for TCP through a veth pair, where programs report each packet, and its throughput.
//   - frontier: the same for some loads, over --monitor-max-delay.
//   - demand: what events cost that nobody asks for, clients that ask for few, and a history. Of this project's agent alone.
//   - hubble: what Hubble costs on the same events, which agents of its own serve; it runs by itself.
//   - scheduling: what clients take without an agent, from a write to their socket to having decoded it.
//
// Everything runs in a mount namespace with its own /sys/fs/bpf and /var/run, so
// that an agent that runs on the machine is not disturbed.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/namespace"
)

// clientRole is the argument with which the driver runs itself as the client.
const clientRole = "client"

// niceness of the driver and all it starts, so that what else runs on the
// machine disturbs the figures less.
const niceness = -15

// usualSections of the comparison run by default, and sections with -only.
var (
	usualSections = []string{"cost", "latency", "stalled", "lossfree", "idle", "send", "shapes", "traffic"}
	sections      = append(slices.Clone(usualSections), "frontier", "demand", hubbleSection)
)

type options struct {
	agents   []string
	only     []string
	maxDelay time.Duration // of this project's agent, 0: its default
	ringbuf  bool          // this project's agent reads a ring buffer
	docs     string

	rounds                 int
	duration               time.Duration
	slow                   time.Duration // one latency run at a low rate
	costRates, costClients []int

	shapes      shapeMatrix
	delays      []time.Duration // of the frontier
	shapeRounds int
	window      time.Duration // one run of a shape
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
	if err := namespace.Enter(niceness, unix.CLONE_NEWNET); err != nil {
		return err
	}
	from := provenance(opts) // before the documents change
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
	for _, name := range opts.binaries() {
		if err := goTool(".", append(released, "-o", filepath.Join(dir, name), agentPackage(name))...).Run(); err != nil {
			return fmt.Errorf("building %s: %w", name, err)
		}
	}
	b, err := newBench(opts, dir)
	if err != nil {
		return err
	}
	err = errors.Join(b.run(), b.close())
	if err != nil {
		b.opts.docs = "" // what there is has its use, but not there
	}
	return errors.Join(err, b.report(os.Stdout, from))
}

func parseFlags() (options, error) {
	var (
		opts    options
		short   = flag.Bool("short", false, "a quick run: fewer rows, one round")
		only    = flag.String("only", strings.Join(usualSections, ","), "parts to run; frontier, demand and hubble are others")
		agents  = flag.String("agents", strings.Join([]string{ours, ciliums}, ","), "agents to run")
		rates   = flag.String("rates", "", "events a second, 0 is flat out (default 1000,20000,100000,0 for cost)")
		clients = flag.String("clients", "", "numbers of clients (default 1,4,16,64 for cost)")
		bursts  = flag.String("bursts", "", "shapes: events in a burst; a list of any kind chooses from the whole matrix")
		cpus    = flag.String("cpus", "", "shapes: numbers of CPUs that emit")
	)
	flag.BoolVar(&opts.shapes.full, "full", false, "shapes: the whole matrix, which takes more than an hour")
	flag.IntVar(&opts.rounds, "rounds", 0, "how often each agent has its turn in each row (default 3, 5 for shapes, traffic and frontier)")
	flag.DurationVar(&opts.duration, "duration", time.Second, "load of one cost run")
	flag.DurationVar(&opts.window, "window", 400*time.Millisecond, "shapes, traffic and frontier: load of one run, longer where that is less than 3 bursts")
	delays := flag.String("delays", "125us,250us,500us,1ms,2ms,4ms", "frontier: values of --monitor-max-delay")
	flag.DurationVar(&opts.maxDelay, "max-delay", 0, "--monitor-max-delay of this project's agent (default its own)")
	flag.BoolVar(&opts.ringbuf, "ringbuf", false, "have this project's agent read a ring buffer, as large as the perf rings of all CPUs")
	flag.StringVar(&opts.docs, "docs", "", "directory of the project whose documents and charts the results go to")
	flag.Parse()

	var err error
	if opts.agents, err = names(*agents, []string{ours, ciliums}); err != nil {
		return opts, err
	}
	if opts.only, err = names(*only, sections); err != nil {
		return opts, err
	}
	if opts.hubble() && len(opts.only) > 1 {
		return opts, fmt.Errorf("-only: %s runs by itself, since its agents take the place of the others", hubbleSection)
	}
	opts.slow = 6 * time.Second
	defRates, defClients, defRounds, defShapeRounds := "1000,20000,100000,0", "1,4,16,64", 3, 5
	if *short {
		opts.slow = 4 * time.Second
		defRates, defClients, defRounds, defShapeRounds = "20000,0", "1,4,16", 1, 1
	}
	opts.shapeRounds = cmp.Or(opts.rounds, defShapeRounds)
	opts.rounds = cmp.Or(opts.rounds, defRounds)
	for _, list := range []struct {
		to   *[]int
		text string
	}{
		{&opts.costRates, cmp.Or(*rates, defRates)}, {&opts.costClients, cmp.Or(*clients, defClients)},
		{&opts.shapes.rates, *rates}, {&opts.shapes.clients, *clients}, {&opts.shapes.bursts, *bursts}, {&opts.shapes.cpus, *cpus},
	} {
		if *list.to, err = ints(list.text); err != nil {
			return opts, err
		}
	}
	for text := range strings.SplitSeq(*delays, ",") {
		delay, err := time.ParseDuration(text)
		if err != nil {
			return opts, fmt.Errorf("-delays: %w", err)
		}
		opts.delays = append(opts.delays, delay)
	}
	return opts, nil
}

// hubble tells whether it is Hubble that is measured.
func (o *options) hubble() bool { return slices.Contains(o.only, hubbleSection) }

// binaries returns the packages of the agents that run.
func (o *options) binaries() []string {
	if !o.hubble() {
		return o.agents
	}
	var all []string
	for _, agent := range o.agents {
		all = append(all, hubbleBinary(agent))
	}
	return all
}

// names reads a list of names, of those that there are.
func names(list string, all []string) ([]string, error) {
	chosen := strings.Split(list, ",")
	for _, name := range chosen {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("%q is none of %s", name, strings.Join(all, ", "))
		}
	}
	return chosen, nil
}

// ints reads a list of numbers, which may be empty.
func ints(list string) (out []int, err error) {
	if list == "" {
		return nil, nil
	}
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is not a list of numbers", list)
		}
		out = append(out, n)
	}
	return out, nil
}
