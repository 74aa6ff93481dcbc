// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"fmt"
	"os"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// Example prints the drops of a stream of payloads, and what else there was.
func Example() {
	payloads := mix // read from the monitor socket, for example

	filter, err := format.ParseFilter([]string{"--type", "drop", "--not", "--ip", "192.0.2.0/24"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var summary format.Summary
	formatter := format.New(format.Options{})
	ev := format.NewEvent(func(ifindex uint32) string { return "eth0" })
	var line []byte
	for _, pl := range payloads {
		ev.Decode(pl)
		summary.Count(ev)
		if filter.Match(ev) {
			line = formatter.Append(line[:0], ev)
			os.Stdout.Write(line)
		}
	}
	os.Stdout.Write(summary.Append(nil))

	// Output:
	// xx drop (Policy denied) flow 0x1234abcd to endpoint 7, ifindex 2, file bpf_lxc.c:42, identity 4711->world: 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN
	//  8  trace
	//  8    to-endpoint established
	//  1  drop
	//  1    Policy denied (133)
	//  1  policy-verdict
	//  1    ingress deny
	// 10  events in total
}

// ExampleFormatter_Append_json prints an event as JSON.
func ExampleFormatter_Append_json() {
	notification := api.AgentNotify{Type: api.AgentNotifyEndpointCreated, Text: `{"id":7}`}
	ev := format.NewEvent(nil)
	ev.Decode(sample(notification.Append(nil)))
	os.Stdout.Write(format.New(format.Options{JSON: true}).Append(nil, ev))

	// Output:
	// {"type":"agent","subtype":"Endpoint created","message":{"id":7}}
}
