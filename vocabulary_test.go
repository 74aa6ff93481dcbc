// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/testutils"
)

// TestScripts runs the script that shows a datapath with types of its own.
func TestScripts(t *testing.T) {
	requireRoot(t)
	newEngine := func(t testing.TB, args []string) *script.Engine {
		return testutils.NewEngine(t, args, testutils.FakeDatapathCell(t), ownDatapath)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	scripttest.Test(t, ctx, newEngine, nil, "testdata/*.txtar")
}

// flowLogSample returns a flow log of a UDP packet to port 4242.
func flowLogSample(process string) []byte {
	packet := make([]byte, 20+8)
	copy(packet, []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 0x10, 0x92, 0, 8, 0, 0})
	packet = append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}, packet...)
	h := api.CaptureHeader{Type: 101, OrigLen: uint32(len(packet)), CapLen: uint16(len(packet))}
	data := binary.NativeEndian.AppendUint32(h.Append(nil), 1)
	data = append(data, make([]byte, 16)...)
	copy(data[api.CaptureHeaderLen+4:], process)
	return append(data, packet...)
}

// TestOwnType has events of a registered type from the datapath to a client, a filter, JSON and
// the metrics, as docs/adding-a-message-type.md says.
func TestOwnType(t *testing.T) {
	requireRoot(t)
	registry := prometheus.NewPedanticRegistry()
	var datapath *testutils.FakeDatapath
	h := newHive(t, testutils.FakeDatapathCell(t), ownDatapath,
		cell.Provide(func() prometheus.Registerer { return registry }),
		cell.Invoke(func(d *testutils.FakeDatapath) { datapath = d }),
	)
	h.start()
	client := h.connect()
	require.NoError(t, datapath.BecomeReady())
	h.eventuallyLogs("Attached to the events map")
	for _, process := range []string{"nginx", "\x1b[2J\n"} {
		_, err := datapath.EmitSample(flowLogSample(process), 1)
		require.NoError(t, err)
	}
	_, err := datapath.Emit(1)
	require.NoError(t, err)
	require.NoError(t, client.WaitFor(t.Context(), 3))

	ev := format.NewEvent(func(uint32) string { return "lo" })
	var summary format.Summary
	show := func(opts format.Options, filter ...string) string {
		t.Helper()
		f, err := format.ParseFilter(filter)
		require.NoError(t, err)
		var out []byte
		for _, pl := range client.Payloads() {
			ev.Decode(&pl)
			if f.Match(ev) {
				out = format.New(opts).Append(out, ev)
			}
			summary.Count(ev)
		}
		return string(out)
	}
	const first = "flow of nginx on lo: 10.0.0.1:40000 -> 10.0.0.2:4242 udp\n"
	const second = "flow of \\u001b[2J\\n on lo: 10.0.0.1:40000 -> 10.0.0.2:4242 udp\n"
	require.Equal(t, first+second, show(format.Options{}, "-t", "flow-log", "--port", "4242"))
	require.Equal(t, first+second, show(format.Options{}, "--interface", "lo", "--ip", "10.0.0.0/8", "--not", "-t", "trace"))
	require.Empty(t, show(format.Options{}, "-t", "flow-log", "--port", "4243"))
	for line := range strings.Lines(show(format.Options{Output: format.OutputJSON}, "-t", "flow-log")) {
		var object struct{ Type, Process string }
		require.NoError(t, json.Unmarshal([]byte(line), &object))
		require.Equal(t, "flow-log", object.Type)
		require.Contains(t, []string{"nginx", "\x1b[2J\n"}, object.Process)
	}
	require.Contains(t, string(summary.Append(nil)), "4    nginx\n")
	for value, want := range map[string]string{"--type=flow-lgo": "flow-log", "--drop-reason=No tickets": "No ticket"} {
		_, err := format.ParseFilter([]string{value})
		require.ErrorContains(t, err, `did you mean "`+want+`"?`)
	}

	want := "# HELP cilium_monitor_events_total Events that were distributed, by source (datapath, user) and message type.\n" +
		"# TYPE cilium_monitor_events_total counter\n"
	for _, name := range api.MessageTypeNames() {
		source, n := "datapath", map[string]int{"flow-log": 2, "trace": 1}[name]
		if typ, err := api.ParseMessageType(name); err != nil || typ >= api.MessageTypeAccessLog {
			source = "user"
		}
		want += fmt.Sprintf("cilium_monitor_events_total{source=%q,type=%q} %d\n", source, name, n)
	}
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want), "cilium_monitor_events_total"))

	h.stop()
	require.Equal(t, "unknown(101)", api.MessageTypeName(101), "the stop removes it")
	require.Equal(t, "bpf_host.c", api.DropFile(1))
}

// TestVocabularies has several hives with the same vocabulary at a time, and one with another,
// which cannot be constructed.
func TestVocabularies(t *testing.T) {
	first, second := newHive(t, ownDatapath), newHive(t, ownDatapath)
	first.start()
	second.start()
	other := newHive(t, ownDatapath, cell.Provide(func() monitor.VocabularyOut {
		return monitor.VocabularyOut{Vocabulary: format.Vocabulary{
			DropReasons: map[uint8]string{8: "Another reason", 9: "Not there"},
		}}
	}))
	err := other.Populate(other.log)
	require.ErrorIs(t, err, api.ErrRegistered)
	require.ErrorContains(t, err, `register drop reason 8 as "Another reason": already registered as "No ticket"`)
	require.Equal(t, "Fragmented packet", api.DropReason(9))

	first.stop()
	require.Equal(t, "No ticket", api.DropReason(8))
	second.stop()
	require.Equal(t, "LB, sock cgroup: Reverse entry stale", api.DropReason(8))
}

// TestVocabularyOfFailedStart has the start fail in a hook of the cell that has the vocabulary: the stop
// removes it all the same.
func TestVocabularyOfFailedStart(t *testing.T) {
	h := newHive(t, cell.Provide(func(lc cell.Lifecycle) monitor.VocabularyOut {
		lc.Append(cell.Hook{OnStart: func(cell.HookContext) error { return errors.New("no gate") }})
		return monitor.VocabularyOut{Vocabulary: format.Vocabulary{DropReasons: map[uint8]string{8: "No ticket"}}}
	}))
	require.ErrorContains(t, h.Start(h.log, t.Context()), "no gate")
	require.Equal(t, "No ticket", api.DropReason(8))
	h.stop()
	require.Equal(t, "LB, sock cgroup: Reverse entry stale", api.DropReason(8))
}

// TestRecipe keeps the program in the recipe the one that TestOwnType runs.
func TestRecipe(t *testing.T) {
	recipe, err := os.ReadFile("docs/adding-a-message-type.md")
	require.NoError(t, err)
	source, err := os.ReadFile("own_type_test.go")
	require.NoError(t, err)
	_, program, found := strings.Cut(string(source), ")\n\n")
	require.True(t, found)
	require.Contains(t, string(recipe), "```go\n"+program+"```\n", "the recipe does not have what is in own_type_test.go")
}
