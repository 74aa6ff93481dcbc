// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/hivetest"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/cilium/monitor"
)

// newHive returns a hive of the cell and where it leaves the DatapathReady.
func newHive(t *testing.T, path string, args ...string) (*hive.Hive, *monitor.DatapathReady) {
	t.Helper()
	var ready monitor.DatapathReady
	h := hive.New(
		Cell,
		cell.Provide(func() monitor.AgentConfig { return monitor.AgentConfig{MonitorEventsMap: path} }),
		cell.Invoke(func(r monitor.DatapathReady) { ready = r }),
	)
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	h.RegisterFlags(flags)
	require.NoError(t, flags.Parse(args))
	return h, &ready
}

func TestCell(t *testing.T) {
	ns := newNamespace(t)
	path := eventsPath(t)
	h, ready := newHive(t, path, "--device=lo", "--deny=udp/9999,icmp@10.0.0.0/8", "--deny=tcp/80")
	log := hivetest.Logger(t)
	require.NoError(t, h.Populate(log))

	notReady := func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, (*ready)(ctx), context.Canceled)
		assert.NoDirExists(t, filepath.Dir(path))
	}
	for range 2 { // also when it is started again
		notReady()
		ns.Do(func() error { return h.Start(log, t.Context()) })
		require.NoError(t, (*ready)(t.Context()))

		rd := readPinned(t, path)
		client, server := ns.listenUDP("127.0.0.1:5001"), ns.listenUDP("127.0.0.1:5002")
		denied := ns.listenUDP("127.0.0.1:9999")
		send(t, client, server, "hello")
		awaitEvent(t, rd, has(eventTrace, 10, "hello"))
		_, err := client.WriteTo([]byte("denied"), denied.LocalAddr())
		require.NoError(t, err)
		awaitEvent(t, rd, has(eventDrop, 133, "denied"))
		client.Close()
		server.Close()
		denied.Close()

		require.NoError(t, h.Stop(log, t.Context()))
	}
	notReady()
}

// TestCellHealth has health say which device is missing.
func TestCellHealth(t *testing.T) {
	left, right := veth(t)
	var health *cell.SimpleHealth
	h := hive.New(
		Cell,
		cell.SimpleHealthCell,
		cell.Provide(func() monitor.AgentConfig { return monitor.AgentConfig{MonitorEventsMap: eventsPath(t)} }),
		cell.Invoke(func(sh *cell.SimpleHealth) { health = sh }),
	)
	hive.AddConfigOverride(h, func(cfg *Config) { cfg.Device = []string{"lo", rightDevice} })
	log := hivetest.Logger(t)
	right.Do(func() error { return h.Start(log, t.Context()) })
	defer func() { require.NoError(t, h.Stop(log, t.Context())) }()

	devices := health.GetChild("devices")
	requireHealth := func(level cell.Level, text string) {
		t.Helper()
		require.Eventually(t, func() bool {
			devices.Lock()
			defer devices.Unlock()
			return devices.Level == level && strings.Contains(fmt.Sprint(devices.Status, ": ", devices.Error), text)
		}, healTime, 10*time.Millisecond)
	}
	const all = "Attached to lo, " + rightDevice
	requireHealth(cell.StatusOK, all)
	right.Do(func() error { return netlink.LinkDel(linkNamed(rightDevice)) })
	requireHealth(cell.StatusDegraded, `Not attached to all devices: device "`+rightDevice+`": Link not found`)
	connect(left, right)
	requireHealth(cell.StatusOK, all)
}

func TestCellWithoutDevice(t *testing.T) {
	path := eventsPath(t)
	h, ready := newHive(t, path)
	log := hivetest.Logger(t)
	require.NoError(t, h.Start(log, t.Context()))
	assert.NoDirExists(t, filepath.Dir(path))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, (*ready)(ctx), context.Canceled)

	attached := make(chan error)
	go func() { attached <- (*ready)(t.Context()) }()
	pin, err := PinMap(newMap(t), path)
	require.NoError(t, err)
	assert.NoError(t, <-attached)

	require.NoError(t, h.Stop(log, t.Context()))
	assert.FileExists(t, path)
	require.NoError(t, pin.Remove())
}

func TestCellRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"bad rule", []string{"--device=lo", "--deny=udp/99999"},
			`--deny: "udp/99999": port "99999" is not a number from 1 to 65535; a rule is [PROTO][/PORT][@CIDR]`},
		{"rules without a device", []string{"--deny=udp/9999"}, "--deny needs --device"},
		{"too many rules", []string{"--device=lo", "--deny=" + strings.Join(manyRules(MaxRules+1), ",")},
			"--deny has 65 rules, at most 64 are possible"},
		{"events into what is not known", []string{"--device=lo", "--datapath-events=pipe"},
			"--datapath-events=pipe: allowed are perf and ringbuf"},
		{"a rate limit that is none", []string{"--device=lo", "--events-rate-limit=many"}, `--events-rate-limit: "many"`},
		{"a burst without a rate limit", []string{"--device=lo", "--events-burst=5"}, "--events-burst needs --events-rate-limit"},
		{"a rate limit without a device", []string{"--events-rate-limit=5"}, "--events-rate-limit needs --device"},
		{"aggregation by what is not known", []string{"--device=lo", "--trace-aggregation=port"}, "--trace-aggregation=port: allowed are none and flow"},
		{"aggregation without a device", []string{"--trace-aggregation=flow"}, "--trace-aggregation needs --device"},
		{"no interval", []string{"--device=lo", "--trace-aggregation=flow", "--trace-interval=0s"}, "--trace-interval=0s: it has to be more than 0"},
		{"unknown device", []string{"--device=nosuch"}, `device "nosuch": Link not found`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := newHive(t, eventsPath(t), tc.args...)
			require.ErrorContains(t, h.Start(hivetest.Logger(t), t.Context()), tc.want)
		})
	}
}
