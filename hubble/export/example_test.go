// SPDX-License-Identifier: Apache-2.0

package export_test

import (
	"context"
	"fmt"
	"log"
	"net/url"

	observerpb "github.com/cilium/cilium/api/v1/observer"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/hubble/export"
	"github.com/cilium/monitor/hubble/flow"
)

// printer is a sink.
type printer struct{ flows uint64 }

func (p *printer) Export(_ context.Context, ev *observerpb.ExportEvent) {
	if f := ev.GetFlow(); f != nil {
		fmt.Println(f.GetVerdict(), f.GetL7().GetHttp().GetUrl())
		p.flows++
	}
}

func (p *printer) Stats() export.SinkStats { return export.SinkStats{Exported: p.flows} }

// An exporter of one's own gets the flows that a filter lets through.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	a := agent.NewAgent(ctx) // in a hive monitor.Cell has one
	defer func() { cancel(); <-a.Done() }()

	filter, err := export.NewFilter(`{"verdict":["DROPPED"]}`, "")
	if err != nil {
		log.Fatal(err)
	}
	exporter, err := export.Start(export.Options{Name: "printer", Agent: a, Decoder: flow.NewDecoder(flow.Options{}), Filter: filter}, &printer{})
	if err != nil {
		log.Fatal(err)
	}
	for _, verdict := range []accesslog.FlowVerdict{accesslog.VerdictForwarded, accesslog.VerdictDenied} {
		err := a.SendEvent(api.MessageTypeAccessLog, &accesslog.LogRecord{
			Type: accesslog.TypeRequest, Timestamp: "2026-01-02T03:04:05Z", Verdict: verdict,
			HTTP: &accesslog.LogRecordHTTP{Method: "GET", URL: &url.URL{Scheme: "http", Host: "example.com", Path: "/"}},
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := exporter.Stop(ctx); err != nil { // once all is exported
		log.Fatal(err)
	}
	// Output: DROPPED http://example.com/
}
