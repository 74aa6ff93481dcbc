// SPDX-License-Identifier: Apache-2.0

package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/cilium/monitor/hubble/export"
	"github.com/cilium/monitor/hubble/flow"
	"github.com/cilium/monitor/testutils"
)

// TestScripts runs the scripts that show the cell. Flows are exported to a file that "export/lines N" waits for and shows.
func TestScripts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	newEngine := func(t testing.TB, args []string) *script.Engine {
		path := filepath.Join(t.TempDir(), "new", "flows.json")
		registry := prometheus.NewRegistry()
		engine := testutils.NewEngine(t, append([]string{"--hubble-export-file-path=" + path}, args...),
			testutils.FakeDatapathCell(t), export.Cell,
			cell.Provide(
				func() *flow.Decoder { return flow.NewDecoder(flow.Options{NodeName: "here/node"}) },
				func() prometheus.Registerer { return registry },
			))
		maps.Copy(engine.Cmds, map[string]script.Cmd{
			"export/lines": exportedLines(path), "export/lost": exportedLosses(path), "export/metrics": exportMetrics(registry),
		})
		return engine
	}
	// A script that waits in vain says at the end of it what for.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	scripttest.Test(t, ctx, newEngine, nil, "testdata/*.txtar")
}

// command is a script command whose error a script can look at.
func command(summary, args string, run func(ctx context.Context, args []string) (string, error)) script.Cmd {
	return script.Command(script.CmdUsage{Summary: summary, Args: args}, func(s *script.State, args ...string) (script.WaitFunc, error) {
		return func(*script.State) (stdout, stderr string, err error) {
			stdout, err = run(s.Context(), args)
			if err != nil {
				stderr = err.Error()
			}
			return stdout, stderr, err
		}, nil
	})
}

func exportedLines(path string) script.Cmd {
	return command("Wait until a number of lines are exported, and show them", "count", func(ctx context.Context, args []string) (string, error) {
		count, err := strconv.Atoi(args[0])
		if err != nil {
			return "", err
		}
		for {
			text, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			if n := bytes.Count(text, []byte("\n")); n == count {
				return string(text), nil
			} else if n > count {
				return "", fmt.Errorf("%d lines:\n%s", n, text)
			}
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return "", fmt.Errorf("waiting for %d lines: %w\n%s", count, ctx.Err(), text)
			}
		}
	})
}

func exportedLosses(path string) script.Cmd {
	return command("Show the losses of an export that has ended; with its flows they have to be a number of events", "count", func(_ context.Context, args []string) (string, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		total, losses := uint64(0), ""
		for line := range strings.Lines(string(text)) {
			ev := new(observerpb.ExportEvent)
			if err := json.Unmarshal([]byte(line), ev); err != nil {
				return "", err
			}
			if loss := ev.GetLostEvents(); loss != nil {
				total += loss.GetNumEventsLost()
				losses += line
			} else {
				total++
			}
		}
		if got := strconv.FormatUint(total, 10); got != args[0] {
			return "", fmt.Errorf("%s flows and losses:\n%s", got, losses)
		}
		return losses, nil
	})
}

func exportMetrics(registry *prometheus.Registry) script.Cmd {
	return command("Show the metrics of exports", "", func(context.Context, []string) (string, error) {
		families, err := registry.Gather()
		if err != nil {
			return "", err
		}
		var out bytes.Buffer
		for _, family := range families {
			if family.GetName() == "cilium_monitor_hubble_export_events_total" {
				_, err = expfmt.MetricFamilyToText(&out, family)
			}
		}
		return out.String(), err
	})
}
