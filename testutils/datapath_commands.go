// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/hive/script"

	"github.com/cilium/monitor/internal/commands"
)

func datapathCommands(d *FakeDatapath) map[string]script.Cmd {
	return map[string]script.Cmd{
		"datapath/ready":   datapathReady(d),
		"datapath/fail":    datapathFail(d),
		"datapath/emit":    datapathEmit(d),
		"datapath/traffic": datapathTraffic(d),
	}
}

func datapathReady(d *FakeDatapath) script.Cmd {
	usage := script.CmdUsage{
		Summary: "Let the datapath be ready",
		Args:    "[ringbuf bytes]",
		Detail: []string{
			"Loads BPF programs, pins their events map at --monitor-events-map and tells the monitor that the datapath is ready.",
			"The map is a perf event array; with ringbuf it is a ring buffer of so many bytes, a power of two and at least 4096, with a counter of its losses.",
			"The monitor attaches some time after that: health 'datapath: level=OK' waits for it.",
		},
	}
	return commands.Command(usage, 0, 2, func(_ *script.State, args []string) (string, error) {
		if len(args) > 0 {
			if len(args) != 2 || args[0] != "ringbuf" {
				return "", script.ErrUsage
			}
			bytes, err := count(args[1])
			if err != nil {
				return "", err
			}
			if err := d.UseRingBuffer(int(bytes)); err != nil {
				return "", err
			}
		}
		return "", d.BecomeReady()
	})
}

func datapathFail(d *FakeDatapath) script.Cmd {
	usage := script.CmdUsage{
		Summary: "Let the datapath fail instead of being ready",
		Args:    "reason...",
	}
	return commands.Command(usage, 1, commands.AnyNumber, func(_ *script.State, args []string) (string, error) {
		return "", d.Fail(errors.New(strings.Join(args, " ")))
	})
}

func datapathEmit(d *FakeDatapath) script.Cmd {
	usage := script.CmdUsage{
		Summary: "Emit events from a BPF program",
		Args:    "count [type [field=value...]]",
		Detail: []string{
			"They are trace events, or of the type given: " + builtinTypes() + ". A field is one of the type's struct in package api, its value as in JSON:",
			"\tdatapath/emit 2 drop SubType=133 SrcLabel=4711",
			"SubType is the drop reason there, as a number or a text: 'SubType=Policy denied'. What has no value is 0, but for the version, which is the newest, and for the packet: UDP from 10.0.0.1:40000 to 10.0.0.2:4242.",
			"An event of a type that the program registered (see RegisterType of package format) takes its bytes behind the message type in hex: datapath/emit 1 flow-log 0102 0a000001.",
			"The kernel runs the program by BPF_PROG_TEST_RUN, on the CPU where the script happens to run.",
			"Prints how many events were written to a ring, how many were not since nobody read that CPU's perf ring buffer, and how many since the ring was full. A ring buffer is written to whether somebody reads it or not.",
		},
	}
	return commands.Command(usage, 1, commands.AnyNumber, func(_ *script.State, args []string) (string, error) {
		n, err := count(args[0])
		if err != nil {
			return "", err
		}
		var c Counters
		if len(args) == 1 {
			c, err = d.Emit(int(n))
		} else {
			var sample []byte
			if sample, err = newSample(args[1], args[2:]); err != nil {
				return "", err
			}
			c, err = d.EmitSample(sample, int(n))
		}
		return fmt.Sprintf("written %d, no reader %d, no space %d\n", c.Written, c.NoReader, c.NoSpace), err
	})
}

func datapathTraffic(d *FakeDatapath) script.Cmd {
	return script.Command(
		script.CmdUsage{
			Summary: "Emit trace events without a pause until the script ends",
			Detail: []string{
				"To be run in the background: datapath/traffic &",
			},
			Async: true,
		},
		func(s *script.State, args ...string) (script.WaitFunc, error) {
			if len(args) > 0 {
				return nil, script.ErrUsage
			}
			ended := make(chan error, 1)
			go func(ctx context.Context) { ended <- traffic(ctx, d) }(s.Context())
			return func(*script.State) (stdout, stderr string, err error) {
				return "", "", <-ended
			}, nil
		},
	)
}

func traffic(ctx context.Context, d *FakeDatapath) error {
	for ctx.Err() == nil {
		if _, err := d.Emit(batchSize); err != nil {
			return err
		}
	}
	return nil
}
