// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

func TestFakeDatapathReady(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	path := EventsMapPath(t)
	t.Run("", func(t *testing.T) {
		d := NewFakeDatapath(t, path)
		ready := make(chan error, 1)
		go func() { ready <- d.Ready(t.Context()) }()
		require.NoFileExists(t, path)

		require.NoError(t, d.BecomeReady())
		require.NoError(t, <-ready)
		m, err := ebpf.LoadPinnedMap(path, nil)
		require.NoError(t, err)
		defer m.Close()
		require.Equal(t, ebpf.PerfEventArray, m.Type())
		require.ErrorIs(t, d.BecomeReady(), errSettled)
		require.ErrorIs(t, d.Fail(errors.New("late")), errSettled)

		rd := newTestReader(t, m, 64)
		counters, err := d.Emit(3)
		require.NoError(t, err)
		require.Equal(t, Counters{Written: 3}, counters)
		samples, _ := drain(t, rd)
		total := 0
		for _, cpu := range samples {
			total += len(cpu)
		}
		require.Equal(t, 3, total)

		counters, err = d.EmitSample([]byte{api.MessageTypeDrop, 133}, 2)
		require.NoError(t, err)
		require.Equal(t, Counters{Written: 2}, counters)
		samples, _ = drain(t, rd)
		for _, cpu := range samples {
			for _, sample := range cpu {
				require.Equal(t, []byte{api.MessageTypeDrop, 133}, sample[:2])
				total++
			}
		}
		require.Equal(t, 3+2, total)
		_, err = d.EmitSample(nil, 1)
		require.ErrorContains(t, err, "the length must be 1 to 32768")
	})
	require.NoFileExists(t, path, "after the end of the test")
}

func TestFakeDatapathFails(t *testing.T) {
	d := NewFakeDatapath(t, EventsMapPath(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Ready(ctx), context.Canceled)

	reason := errors.New("no such device")
	require.NoError(t, d.Fail(reason))
	require.Equal(t, reason, d.Ready(t.Context()))
	require.ErrorIs(t, d.BecomeReady(), errSettled)
}

func TestFakeDatapathAfterTheTest(t *testing.T) {
	var d *FakeDatapath
	t.Run("", func(t *testing.T) { d = NewFakeDatapath(t, EventsMapPath(t)) })
	_, err := d.Emit(1)
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, d.BecomeReady(), os.ErrClosed)
}
