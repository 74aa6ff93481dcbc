// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
)

// config is the configuration of both cells.
type config struct {
	monitor.AgentConfig
	monitor.ServerConfig
}

// configure returns what the monitor makes of flags and of a configuration file.
func configure(t *testing.T, args []string, file string) (config, error) {
	t.Helper()
	var cfg config
	h := hive.New(monitor.Cell, cell.Invoke(func(a monitor.AgentConfig, s monitor.ServerConfig) { cfg = config{a, s} }))
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	h.RegisterFlags(flags)
	require.NoError(t, flags.Parse(args))
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	h.Viper().SetConfigFile(path)
	require.NoError(t, h.Viper().ReadInConfig())
	err := h.Populate(slog.New(slog.DiscardHandler))
	return cfg, err
}

func TestConfigDefaults(t *testing.T) {
	cfg, err := configure(t, nil, "")
	require.NoError(t, err)
	require.Equal(t, config{
		monitor.AgentConfig{MonitorQueueSize: 0, MonitorQueueBytes: 32 << 20, MonitorBufferPages: 64, MonitorMaxDelay: 500 * time.Microsecond, MonitorEventsMap: "/sys/fs/bpf/tc/globals/cilium_events", History: []string{}, HistorySize: 16 << 20},
		monitor.ServerConfig{EnableMonitor: true, MonitorSocketPath: "/var/run/cilium/monitor1_2.sock", MonitorMaxClients: 64},
	}, cfg)
}

// TestConfigSources sets each value in each way that hive knows. Flags come before the
// environment, and that before the configuration file.
func TestConfigSources(t *testing.T) {
	const file = `
enable-monitor: false
monitor-queue-size: 1
monitor-queue-bytes: 3000001
monitor-max-clients: 11
monitor-buffer-pages: 1
monitor-max-delay: 1ms
monitor-socket-path: /run/file.sock
monitor-events-map: /sys/fs/bpf/file
history: [drop, trace]
history-size: 3000001
`
	want := config{
		monitor.AgentConfig{MonitorQueueSize: 1, MonitorQueueBytes: 3000001, MonitorBufferPages: 1, MonitorMaxDelay: time.Millisecond, MonitorEventsMap: "/sys/fs/bpf/file", History: []string{"drop", "trace"}, HistorySize: 3000001},
		monitor.ServerConfig{MonitorSocketPath: "/run/file.sock", MonitorMaxClients: 11},
	}
	cfg, err := configure(t, nil, file)
	require.NoError(t, err)
	require.Equal(t, want, cfg)

	t.Setenv("ENABLE_MONITOR", "true")
	t.Setenv("MONITOR_QUEUE_SIZE", "2")
	t.Setenv("MONITOR_QUEUE_BYTES", "3000002")
	t.Setenv("MONITOR_MAX_CLIENTS", "12")
	t.Setenv("MONITOR_BUFFER_PAGES", "2")
	t.Setenv("MONITOR_MAX_DELAY", "2ms")
	t.Setenv("MONITOR_SOCKET_PATH", "/run/env.sock")
	t.Setenv("MONITOR_EVENTS_MAP", "/sys/fs/bpf/env")
	t.Setenv("HISTORY", "drop,all")
	t.Setenv("HISTORY_SIZE", "3000002")
	want = config{
		monitor.AgentConfig{MonitorQueueSize: 2, MonitorQueueBytes: 3000002, MonitorBufferPages: 2, MonitorMaxDelay: 2 * time.Millisecond, MonitorEventsMap: "/sys/fs/bpf/env", History: []string{"drop", "all"}, HistorySize: 3000002},
		monitor.ServerConfig{EnableMonitor: true, MonitorSocketPath: "/run/env.sock", MonitorMaxClients: 12},
	}
	cfg, err = configure(t, nil, file)
	require.NoError(t, err)
	require.Equal(t, want, cfg)

	cfg, err = configure(t, []string{
		"--enable-monitor=false", "--monitor-queue-size=3", "--monitor-queue-bytes=3000003", "--monitor-buffer-pages=3", "--monitor-max-delay=3ms",
		"--monitor-max-clients=13", "--monitor-socket-path=/run/flag.sock", "--monitor-events-map=/sys/fs/bpf/flag",
		"--history=drop,77", "--history-size=3000003",
	}, file)
	require.NoError(t, err)
	require.Equal(t, config{
		monitor.AgentConfig{MonitorQueueSize: 3, MonitorQueueBytes: 3000003, MonitorBufferPages: 3, MonitorMaxDelay: 3 * time.Millisecond, MonitorEventsMap: "/sys/fs/bpf/flag", History: []string{"drop", "77"}, HistorySize: 3000003},
		monitor.ServerConfig{MonitorSocketPath: "/run/flag.sock", MonitorMaxClients: 13},
	}, cfg)
}

// TestConfigRefused has values that can't work. The error has the name of the flag, also for
// those from elsewhere, and what it takes.
func TestConfigRefused(t *testing.T) {
	long := "/" + strings.Repeat("x", 107)
	for _, c := range []struct{ arg, want string }{
		{"--monitor-queue-size=-1", "--monitor-queue-size=-1 is out of range, allowed are 0 to 1048576"},
		{"--monitor-queue-size=1048577", "--monitor-queue-size=1048577 is out of range, allowed are 0 to 1048576"},
		{"--monitor-queue-bytes=2097151", "--monitor-queue-bytes=2097151 is out of range, allowed are 2097152 to 1073741824"},
		{"--monitor-queue-bytes=1073741825", "--monitor-queue-bytes=1073741825 is out of range"},
		{"--monitor-max-clients=0", "--monitor-max-clients=0 is out of range, allowed are 1 to 4096"},
		{"--monitor-max-clients=4097", "--monitor-max-clients=4097 is out of range"},
		{"--history-size=262143", "--history-size=262143 is out of range, allowed are 262144 to 1073741824"},
		{"--history=drop,bogus", `--history=drop,bogus: unknown message type "bogus": valid types are`},
		{"--history=256", "--history=256: unknown message type"},
		{"--monitor-buffer-pages=0", "--monitor-buffer-pages=0 is out of range, allowed are 1 to 65536"},
		{"--monitor-buffer-pages=65537", "--monitor-buffer-pages=65537 is out of range, allowed are 1 to 65536"},
		{"--monitor-max-delay=99us", "--monitor-max-delay=99µs is out of range, allowed are 100µs to 1s"},
		{"--monitor-max-delay=1001ms", "--monitor-max-delay=1.001s is out of range"},
		{"--monitor-socket-path=monitor.sock", `--monitor-socket-path="monitor.sock" is not an absolute path`},
		{"--monitor-socket-path=", `--monitor-socket-path="" is not an absolute path`},
		{"--monitor-socket-path=" + long, "--monitor-socket-path=" + long + " has 108 bytes, a unix socket's path at most 107"},
		{"--monitor-events-map=events", `--monitor-events-map="events" is not an absolute path`},
	} {
		_, err := configure(t, []string{c.arg}, "")
		require.ErrorContains(t, err, c.want, c.arg)
	}

	_, err := configure(t, nil, "monitor-buffer-pages: 0")
	require.ErrorContains(t, err, "--monitor-buffer-pages=0 is out of range")

	t.Setenv("MONITOR_QUEUE_SIZE", "-7")
	_, err = configure(t, nil, "")
	require.ErrorContains(t, err, "--monitor-queue-size=-7 is out of range")
}

// TestConfigLimits has the values that just work.
func TestConfigLimits(t *testing.T) {
	for _, args := range [][]string{
		{"--monitor-queue-size=0"},
		{"--monitor-queue-size=1"},
		{"--monitor-queue-size=1048576"},
		{"--monitor-queue-bytes=2097152"},
		{"--monitor-queue-bytes=1073741824"},
		{"--monitor-max-clients=1"},
		{"--monitor-max-clients=4096"},
		{"--monitor-buffer-pages=1"},
		{"--monitor-buffer-pages=65536"},
		{"--monitor-max-delay=100us"},
		{"--monitor-max-delay=1s"},
		{"--monitor-socket-path=/" + strings.Repeat("x", 106)},
		{"--enable-monitor=false", "--monitor-socket-path="},
	} {
		_, err := configure(t, args, "")
		require.NoError(t, err, args)
	}
}
