// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/hive/script"
	"github.com/cilium/hive/script/scripttest"

	"github.com/cilium/monitor/hubble"
	"github.com/cilium/monitor/hubble/otlp"
	"github.com/cilium/monitor/testutils"
)

// TestScripts runs the scripts that show the cell, beside that of Hubble. "collector/records N" waits for records and shows
// them, with their attributes in the order of the alphabet.
func TestScripts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	overEach(t, func(t *testing.T, protocol string) {
		newEngine := func(t testing.TB, args []string) *script.Engine {
			c := newCollector(t, protocol)
			c.come(t)
			engine := testutils.NewEngine(t, append([]string{
				"--hubble-socket-path=", "--hubble-node-name=node", "--hubble-otlp-endpoint=http://" + c.address, "--hubble-otlp-protocol=" + protocol,
			}, args...), testutils.FakeDatapathCell(t), hubble.Cell, otlp.Cell)
			engine.Cmds["collector/records"] = collectedRecords(t, c)
			return engine
		}
		// A script that waits in vain says at the end of it what for.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		t.Cleanup(cancel)
		scripttest.Test(t, ctx, newEngine, nil, "testdata/*.txtar")
	})
}

func collectedRecords(t testing.TB, c *collector) script.Cmd {
	usage := script.CmdUsage{Summary: "Wait until the collector has a number of records, and show them", Args: "count"}
	return script.Command(usage, func(_ *script.State, args ...string) (script.WaitFunc, error) {
		count, err := strconv.Atoi(args[0])
		if err != nil {
			return nil, err
		}
		return func(*script.State) (stdout, stderr string, err error) {
			c.wait(t, "for records", func() bool { return len(c.records) >= count })
			c.mu.Lock()
			defer c.mu.Unlock()
			var out strings.Builder
			for _, r := range c.records {
				attributes, err := json.Marshal(plain(r.GetAttributes()))
				if err != nil {
					return "", "", err
				}
				out.WriteString(r.GetEventName() + " " + r.GetBody().GetStringValue() + " " + string(attributes) + "\n")
			}
			return out.String(), "", nil
		}, nil
	})
}
