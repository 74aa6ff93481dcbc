// SPDX-License-Identifier: Apache-2.0

//go:build linux && vm

package bpf_test

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

// TestCPUHotplug takes a CPU away and gives it back while an agent reads. It is for virtual
// machines (make test-kernels): a real one has other users of its CPUs.
func TestCPUHotplug(t *testing.T) {
	const path = "/sys/fs/bpf/monitor-test-hotplug"
	gen, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	defer gen.Close()
	require.NoError(t, gen.Pin(path))

	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx, agent.WithLogger(log), agent.WithEventsMap(path))
	defer func() {
		cancel()
		<-a.Done()
	}()
	consumer := &testutils.FakeConsumer{}
	a.RegisterNewConsumer(consumer)
	require.NoError(t, a.AttachToEventsMap(8))

	emit := func(cpu int) {
		t.Helper()
		require.NoError(t, testutils.OnCPU(cpu, func() error { return gen.EmitTrace(1) }))
	}
	// readFrom emits on the CPU until the agent reads what is emitted.
	readFrom := func(cpu int) {
		t.Helper()
		before, _ := consumer.Counts()
		require.Eventually(t, func() bool {
			emit(cpu)
			now, _ := consumer.Counts()
			return now > before
		}, 30*time.Second, 20*time.Millisecond, "events of CPU %d", cpu)
	}
	online := func(value string) {
		t.Helper()
		require.NoError(t, os.WriteFile("/sys/devices/system/cpu/cpu1/online", []byte(value), 0))
	}
	defer online("1")

	readFrom(0)
	readFrom(1)
	for range 3 {
		online("0")
		readFrom(0)
		online("1")
		readFrom(1)
		readFrom(0)
	}

	// An agent that starts while a CPU is offline.
	require.NoError(t, a.DetachFromEventsMap(ctx))
	online("0")
	require.NoError(t, a.AttachToEventsMap(8))
	readFrom(0)
	online("1")
	readFrom(1)
}
