// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/testutils"
)

// datapathProcessEnv makes the test binary a process that is nothing but a datapath: it pins its
// events map at the path in the variable. It emits as many events as each line of its stdin
// says, on the CPU that it says, and answers with a line. At the end of the input it ends.
const datapathProcessEnv = "MONITOR_TEST_DATAPATH"

func datapathProcess(path string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "datapath process:", err)
			os.Exit(1)
		}
	}
	g, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	fail(err)
	fail(g.Pin(path))
	fmt.Println("pinned")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var cpu, n int
		_, err := fmt.Sscan(in.Text(), &cpu, &n)
		fail(err)
		fail(testutils.OnCPU(cpu, func() error { return g.EmitTrace(n) }))
		c, err := g.Counters()
		fail(err)
		fmt.Printf("written %d of %d\n", c.Written, c.Total())
	}
	fail(g.Close())
	os.Exit(0)
}

// TestDatapathOfAnotherProcess reads the events of a program and a pinned map that another
// process made. All they share is the path of the pin, at which the monitor waits.
func TestDatapathOfAnotherProcess(t *testing.T) {
	requireRoot(t)
	var (
		path string
		a    *agent.Agent
	)
	h := newHive(t,
		cell.Provide(func(cfg monitor.AgentConfig) monitor.DatapathReady {
			return func(ctx context.Context) error { return bpf.AwaitPin(ctx, cfg.MonitorEventsMap) }
		}),
		cell.Invoke(func(cfg monitor.AgentConfig, x *agent.Agent) { path, a = cfg.MonitorEventsMap, x }),
	)
	h.start()
	consumer := new(testutils.FakeConsumer)
	a.RegisterNewConsumer(consumer)
	client := h.connect()

	process := exec.CommandContext(t.Context(), "/proc/self/exe")
	process.Env = append(os.Environ(), datapathProcessEnv+"="+path)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	require.NoError(t, err)
	stdout, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	answers := bufio.NewScanner(stdout)
	require.True(t, answers.Scan())
	require.Equal(t, "pinned", answers.Text())
	h.eventuallyReads(a)

	const n = 300
	cpus := min(2, runtime.NumCPU())
	for i := range 4 {
		_, err := fmt.Fprintln(stdin, i%cpus, n)
		require.NoError(t, err)
		require.True(t, answers.Scan())
		require.Equal(t, fmt.Sprintf("written %d of %[1]d", (i+1)*n), answers.Text())
	}
	require.NoError(t, client.WaitFor(t.Context(), 4*n))
	require.NoError(t, consumer.WaitFor(t.Context(), 4*n))

	next := map[int]uint64{}
	for _, pl := range client.Payloads() {
		require.Equal(t, next[pl.CPU], binary.NativeEndian.Uint64(pl.Data[testutils.TraceSequenceOffset:]), "event of CPU %d", pl.CPU)
		next[pl.CPU]++
	}
	require.Len(t, next, cpus)

	// The process ends and takes its pin with it. The monitor does not mind.
	require.NoError(t, stdin.Close())
	require.NoError(t, process.Wait())
	require.NoFileExists(t, path)
	h.stop()
	require.NoError(t, client.WaitEnd(t.Context()))
}
