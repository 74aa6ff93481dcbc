// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/testutils"
)

// checkNobody runs the check with the capabilities of the systemd unit.
func checkNobody(t *testing.T, a agentPaths, args ...string) *process {
	t.Helper()
	return start(t, nobody(t, program(append(a.args(), append(args, "--check")...)...), unitCapabilities(t)...))
}

// TestCheckTCXWithoutRights does not say of what may not be asked for that the kernel lacks it.
func TestCheckTCXWithoutRights(t *testing.T) {
	paths := newNobodyPaths(t)
	p := start(t, nobody(t, program(append(paths.args(), "--device", "lo", "--check")...)))
	p.waitExit(exitFailed)
	require.Regexp(t, `(?m)^unknown  TCX +can't tell without CAP_BPF, CAP_NET_ADMIN$`, p.stdout.String())
	require.NotContains(t, p.stdout.String(), clsact)
}

// TestCheckCapabilities takes each capability away that the systemd unit gives: the check
// tells which one, and the agent would not run.
func TestCheckCapabilities(t *testing.T) {
	paths := newNobodyPaths(t)
	args := append(paths.args(), "--device", "lo", "--check")
	all := unitCapabilities(t)

	p := start(t, nobody(t, program(args...), all...))
	p.waitExit(0)
	require.NotRegexp(t, `(?m)^(missing|unknown)`, p.stdout.String())
	require.Regexp(t, `\n\nThe agent would run as user 65534: all that it needs is there\.\n$`, p.stdout.String())
	require.Empty(t, p.stderr.String())

	for _, name := range all {
		t.Run(name, func(t *testing.T) {
			rest := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n == name })
			p := start(t, nobody(t, program(args...), rest...))
			p.waitExit(1)
			require.Regexp(t, `(?m)^ +- systemd: AmbientCapabilities=`+name+`$`, p.stdout.String())
			require.Regexp(t, `^Error: the agent would not run: of \d+ needs 1 missing, \d unknown\n$`, p.stderr.String())

			p = start(t, nobody(t, program(args[:len(args)-1]...), rest...))
			p.waitExit(1)
			if name != "CAP_DAC_OVERRIDE" { // which depends on the files
				require.Equal(t, "Error: the agent lacks "+name+": try sudo monitor agent; monitor agent --check tells more\n", p.stderr.String())
			}
		})
	}
	require.NoFileExists(t, paths.eventsMap)
	require.NoFileExists(t, paths.socket)
}

// ringBuffer pins an events map of that kind, and returns its path.
func ringBuffer(t *testing.T) string {
	t.Helper()
	gen, err := testutils.NewGenerator(testutils.GeneratorOptions{RingBufferSize: 4096})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gen.Close()) })
	path := testutils.EventsMapPath(t)
	require.NoError(t, gen.Pin(path))
	return path
}

// TestCheck has things be missing that an agent of root needs.
func TestCheck(t *testing.T) {
	other := startAgent(t, "--device", "lo", "--history", "none") // so that nobody reads its map
	other.waitStderr("Attached to the events map")
	defer func() {
		other.signal(syscall.SIGTERM)
		other.waitExit(0)
	}()
	array, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	require.NoError(t, err)
	defer array.Close()
	wrong := newAgentPaths(t)
	pin, err := bpf.PinMap(array, wrong.eventsMap)
	require.NoError(t, err)
	defer func() { require.NoError(t, pin.Remove()) }()
	ring, uncounted := ringBuffer(t), ringBuffer(t)
	require.NoError(t, os.Remove(uncounted+agent.RingBufferLossesSuffix))
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte("device: [lo, nope0]\n"), 0o644))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	taken := listener.Addr().String()

	for name, test := range map[string]struct {
		args    []string
		env     string
		line    string // how the line begins
		missing bool
	}{
		"reader":            {nil, "", `note     events map +/sys/fs/bpf/monitor-test.*: not pinned yet, the agent waits`, false},
		"losses":            {nil, "", `ok       counted losses +in this kernel`, false},
		"datapath":          {[]string{"--device", "lo"}, "", `ok       events map +/sys/fs/bpf/monitor-test`, false},
		"own ring buffer":   {[]string{"--device", "lo", "--datapath-events", "ringbuf"}, "", `ok       ring buffers +in this kernel`, false},
		"programs":          {[]string{"--device", "lo"}, "", `ok       embedded datapath +in this kernel`, false},
		"TCX":               {[]string{"--device", "lo"}, "", `ok       TCX +in this kernel`, false},
		"device":            {[]string{"--device", "nope0"}, "", `missing  device nope0 +Link not found`, true},
		"device in env":     {nil, "CILIUM_DEVICE=nope0", `missing  device nope0`, true},
		"device in file":    {[]string{"--config", file}, "", `missing  device nope0`, true},
		"map in use":        {[]string{"--device", "lo", "--monitor-events-map", other.eventsMap}, "", `missing  events map +.*in use by BPF program`, true},
		"read a map in use": {[]string{"--monitor-events-map", other.eventsMap}, "", `ok       events map +/sys/fs/bpf/monitor-test`, false},
		"map's type":        {[]string{"--monitor-events-map", wrong.eventsMap}, "", `missing  events map +.*of type Array, not a PerfEventArray`, true},
		"ring buffer":       {[]string{"--monitor-events-map", ring}, "", `ok       events map +/sys/fs/bpf/monitor-test.*: a ring buffer of 4096 bytes$`, false},
		"ring buffers":      {[]string{"--monitor-events-map", ring}, "", `ok       ring buffers +in this kernel`, false},
		"no loss counter":   {[]string{"--monitor-events-map", uncounted}, "", `note     events map +.*losses in the kernel are unknown`, false},
		"not a map":         {[]string{"--monitor-events-map", file}, "", `missing  events map +`, true},
		"not on a bpffs":    {[]string{"--device", "lo", "--monitor-events-map", filepath.Dir(file) + "/map"}, "", `missing  events map +.*is not on a bpffs`, true},
		"monitor socket":    {[]string{"--monitor-socket-path", other.socket}, "", `missing  monitor socket +.*another process serves it`, true},
		"shell socket":      {[]string{"--shell-sock-path", other.shell}, "", `missing  shell socket +.*another process serves it`, true},
		"not a socket":      {[]string{"--monitor-socket-path", file}, "", `missing  monitor socket +.*is not a socket`, true},
		"metrics":           {[]string{"--metrics-address", taken}, "", `missing  metrics address +.*address already in use`, true},
		"below a file":      {[]string{"--monitor-socket-path", file + "/socket"}, "", `missing  monitor socket +.*not a directory`, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgentPaths(t)
			cmd := program(append(append(a.args(), "--check"), test.args...)...)
			cmd.Env = append(cmd.Env, test.env)
			p := start(t, cmd)
			p.wait()
			require.Regexp(t, `(?m)^`+test.line, p.stdout.String())
			if test.missing {
				p.waitExit(1)
				require.Regexp(t, `(?m)^`+test.line+`.*\n +- `, p.stdout.String(), "how to get it")
				require.Regexp(t, `^Error: the agent would not run: of \d+ needs 1 missing, 0 unknown\n$`, p.stderr.String())
			} else {
				p.waitExit(0)
				require.Contains(t, p.stdout.String(), "\nThe agent would run as user 0")
			}
			require.NoDirExists(t, filepath.Dir(a.eventsMap))
			require.NoFileExists(t, a.socket)
			require.NoFileExists(t, a.shell)
		})
	}

	t.Run("unnoticed", func(t *testing.T) {
		// The checks of its sockets, and the one below, are no clients of the agent.
		run(t, append(other.args(), "--check")...).waitExit(1)
		p := run(t, "status", "--shell-sock-path", other.shell, "-o", "json")
		var stats agent.Stats
		require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &stats))
		require.Zero(t, stats.TotalSubscribers)
		require.Zero(t, stats.WriteErrors)
	})
	t.Run("value", func(t *testing.T) {
		run(t, "agent", "--check", "--monitor-queue-size", "-1").requireFailure(exitUsage, "--monitor-queue-size=-1")
	})
}

// TestCheckLockedMemory wants larger rings than an ordinary user may lock.
func TestCheckLockedMemory(t *testing.T) {
	paths := newNobodyPaths(t)
	self, err := os.Executable()
	require.NoError(t, err)
	args := append([]string{"--memlock=65536", self}, paths.args()...)
	cmd := nobody(t, exec.Command("prlimit", append(args, "--check", "--monitor-buffer-pages", "1024")...), unitCapabilities(t)...)
	cmd.Env = programEnv()
	p := start(t, cmd)
	p.waitExit(1)
	require.Regexp(t, `(?m)^missing  perf ring buffers +4100 KiB for each of \d+ CPUs: operation not permitted\n +- smaller ones: --monitor-buffer-pages$`, p.stdout.String())
	require.Contains(t, p.stdout.String(), "systemd: LimitMEMLOCK=infinity\n")
}

// TestCheckWithoutBPFFS shows the machine to the check as it would be without a bpffs.
func TestCheckWithoutBPFFS(t *testing.T) {
	requireRoot(t)
	self, err := os.Executable()
	require.NoError(t, err)
	check := func(prefix ...string) *process {
		args := append([]string{"-m", "sh", "-c", `while umount -l /sys/fs/bpf 2>/dev/null; do :; done; exec "$@"`, "sh"}, prefix...)
		cmd := exec.Command("unshare", append(args, self, "agent", "--check", "--device", "lo")...)
		cmd.Env = programEnv()
		return start(t, cmd)
	}

	p := check()
	p.wait()
	require.Regexp(t, `(?m)^ok       events map +.* \(no bpffs is mounted at /sys/fs/bpf: the agent would\)$`, p.stdout.String())

	capabilities := setprivCapabilities(unitCapabilities(t))
	p = check("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps="+capabilities, "--ambient-caps="+capabilities)
	p.waitExit(1)
	require.Regexp(t, `(?m)^missing  events map +no bpffs is mounted at /sys/fs/bpf\n +- as root: mount -t bpf bpf /sys/fs/bpf$`, p.stdout.String())
}
