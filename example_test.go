// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/listener"
)

// printer is a consumer that prints what cells say, and counts what the datapath does.
type printer struct{ datapath, lost uint64 }

func (p *printer) NotifyAgentEvent(_ int, event any)        { fmt.Println("got", event) }
func (p *printer) NotifyPerfEvent(sample []byte, cpu int)   { p.datapath++ }
func (p *printer) NotifyPerfEventLost(lost uint64, cpu int) { p.lost += lost }

// hello sends an event when the hive starts.
func hello(lc cell.Lifecycle, a *agent.Agent) {
	lc.Append(cell.Hook{OnStart: func(cell.HookContext) error {
		return a.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello"))
	}})
}

// A program with the monitor, a cell that subscribes to all events by providing a consumer, and
// one that sends an event.
func Example() {
	startAndStop(
		monitor.Cell,
		cell.Provide(func() monitor.ConsumerOut { return monitor.ConsumerOut{Consumer: &printer{}} }),
		cell.Invoke(hello),
	)
	// Output: got {Message hello}
}

// A cell that wants events only for a part of its life registers its consumer by itself.
func Example_registeredByHand() {
	startAndStop(
		monitor.Cell,
		cell.Invoke(func(a *agent.Agent) error {
			p := &printer{}
			a.RegisterNewConsumer(p)
			defer a.RemoveConsumer(p)
			return a.SendEvent(api.MessageTypeAgent, api.GenericMessage("before the start"))
		}),
		cell.Invoke(hello),
	)
	// Output: got {Message before the start}
}

// sizes is a listener: it gets events encoded, as clients do.
type sizes struct{}

func (*sizes) Enqueue(pl *payload.Payload) { fmt.Println(len(pl.Data), "bytes") }
func (*sizes) Version() listener.Version   { return listener.Version1_2 }
func (*sizes) Close()                      { fmt.Println("closed") }

// A cell that subscribes a listener by providing it.
func ExampleListenerOut() {
	startAndStop(
		monitor.Cell,
		cell.Provide(func() monitor.ListenerOut { return monitor.ListenerOut{Listener: &sizes{}} }),
		cell.Invoke(hello),
	)
	// Output:
	// 60 bytes
	// closed
}

// A datapath tells when its events map is pinned at --monitor-events-map. This one is not ready
// by the time the hive stops; until then there are the events of cells, and the health tells
// why there are no others.
func ExampleDatapathReady() {
	pinned := make(chan struct{}) // closed by the cell that loads the datapath
	startAndStop(
		monitor.Cell,
		cell.Provide(func() monitor.DatapathReady {
			return func(ctx context.Context) error {
				select {
				case <-pinned:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}),
		cell.Provide(func() cell.Health { return printedHealth{} }),
	)
	// Unordered output:
	// server OK: Serving the monitor API 1.2 on monitor.sock
	// server-1.3 OK: Serving the monitor API 1.3 on monitor1_3.sock
	// datapath degraded: Waiting for the datapath: it is not ready yet
	// datapath stopped: Detached from the events map
	// reader stopped: The agent is stopped
	// server-1.3 stopped: The agent is stopped
	// server stopped: The agent is stopped
}

// A datapath has a message type and a drop reason of its own. Filters know their names once the
// hive is constructed; see docs/adding-a-message-type.md for what a type can have besides.
func ExampleVocabularyOut() {
	ticket := &format.Type{
		Number: 101,
		Name:   "ticket",
		Decode: func(s *format.Sample) error { return s.RequireLen(2) },
		Line:   func(l *format.Line, s *format.Sample) { l.Printf("ticket %d", s.Data[1]) },
		JSON:   func(o *format.Object, s *format.Sample) { o.Uint("ticket", uint64(s.Data[1])) },
	}
	startAndStop(
		monitor.Cell,
		cell.Provide(func() monitor.VocabularyOut {
			return monitor.VocabularyOut{Vocabulary: format.Vocabulary{
				Types:       []*format.Type{ticket},
				DropReasons: map[uint8]string{7: "No valid ticket"},
			}}
		}),
		cell.Invoke(func(lc cell.Lifecycle) {
			lc.Append(cell.Hook{OnStart: func(cell.HookContext) error {
				fmt.Println(api.MessageTypeName(101), "and", api.DropReason(7))
				_, err := format.ParseFilter([]string{"--type", "ticket"})
				return err
			}})
		}),
	)
	fmt.Println(api.MessageTypeName(101))
	// Output:
	// ticket and No valid ticket
	// unknown(101)
}

// The health has a scope for each part. cell.SimpleHealthCell provides one that scripts can ask.
func Example_health() {
	startAndStop(
		monitor.Cell,
		cell.Provide(func() cell.Health { return printedHealth{} }),
		cell.Invoke(func(lc cell.Lifecycle, a *agent.Agent) {
			lc.Append(cell.Hook{OnStart: func(cell.HookContext) error { return a.AttachSource("gate", gate{}) }})
		}),
	)
	// Unordered output:
	// server OK: Serving the monitor API 1.2 on monitor.sock
	// server-1.3 OK: Serving the monitor API 1.3 on monitor1_3.sock
	// datapath OK: There is no datapath, agent events only (unless a source is attached)
	// reader.gate OK: Nobody is subscribed, it is not read
	// reader OK: Nobody is subscribed, the perf ring buffers are not read
	// datapath stopped: Detached from the events map
	// reader OK: Not attached to an events map
	// reader stopped: The agent is stopped
	// server-1.3 stopped: The agent is stopped
	// server stopped: The agent is stopped
}

// gate is a source of events that nobody wants here; package source has an example of a whole one.
type gate struct{}

func (gate) Open() (source.Rings, error) { return nil, errors.New("the gate is shut") }
func (gate) Close() error                { return nil }

// The metrics are in the registry as long as the hive runs.
func Example_metrics() {
	registry := prometheus.NewRegistry()
	startAndStop(
		monitor.Cell,
		cell.Provide(func() prometheus.Registerer { return registry }),
		cell.Invoke(hello),
		cell.Invoke(func(lc cell.Lifecycle) {
			lc.Append(cell.Hook{OnStart: func(cell.HookContext) error {
				families, err := registry.Gather()
				for _, f := range families {
					if f.GetName() == "cilium_monitor_queue_size_events" {
						fmt.Println(f.GetName(), f.GetMetric()[0].GetGauge().GetValue())
					}
				}
				return err
			}})
		}),
		"--monitor-queue-size=512",
	)
	// Output: cilium_monitor_queue_size_events 512
}

// With a logger in the object graph the monitor logs there, else to hive's own.
func Example_logger() {
	startAndStop(
		monitor.AgentCell,
		cell.Provide(func() logrus.FieldLogger {
			log := logrus.New()
			log.SetOutput(os.Stdout)
			log.SetFormatter(&logrus.TextFormatter{DisableTimestamp: true})
			return log
		}),
	)
	// Output: level=info msg="There is no datapath in this program: the monitor has agent events only, unless a source of events is attached" subsys=monitor-agent
}

// The agent without a socket, for a program that has consumers only.
func ExampleAgentCell() {
	startAndStop(
		monitor.AgentCell,
		cell.Provide(func() monitor.ConsumerOut { return monitor.ConsumerOut{Consumer: &printer{}} }),
		cell.Invoke(hello),
	)
	// Output: got {Message hello}
}

// The socket for an agent that the program made itself.
func ExampleServerCell() {
	ctx, cancel := context.WithCancel(context.Background())
	a := agent.NewAgent(ctx)
	startAndStop(
		monitor.ServerCell,
		cell.Provide(func() *agent.Agent { return a }),
		cell.Provide(func() cell.Health { return printedHealth{} }),
	)
	cancel()
	<-a.Done()
	// Unordered output:
	// server OK: Serving the monitor API 1.2 on monitor.sock
	// server-1.3 OK: Serving the monitor API 1.3 on monitor1_3.sock
	// server-1.3 stopped: The agent is stopped
	// server stopped: The agent is stopped
}

// A script or a person at the shell of the hive uses the monitor's commands.
func Example_scriptCommands() {
	runScript(`
hive/start
monitor/subscribers
monitor/send agent hello
hive/stop
`,
		monitor.Cell,
		cell.Provide(func() monitor.ConsumerOut { return monitor.ConsumerOut{Consumer: &printer{}} }),
	)
	// Output:
	// KIND      NAME                   VERSION  PID  UID  AGE  DELIVERED  LOST  LAG  TIME/EVENT
	// consumer  *monitor_test.printer  -        -    -    0s   0          -     -    -
	// got {Message hello}
}
