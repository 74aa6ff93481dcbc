// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"bytes"
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
	// DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: Policy denied, eth0, endpoint 12->7, identity 4711->world
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
	os.Stdout.Write(format.New(format.Options{Output: format.OutputJSON}).Append(nil, ev))

	// Output:
	// {"type":"agent","subtype":"Endpoint created","message":{"id":7}}
}

// ExampleRegisterType has a datapath that reports the names of processes. A complete recipe is
// docs/adding-a-message-type.md.
func ExampleRegisterType() {
	name := func(s *format.Sample) string {
		name, _, _ := bytes.Cut(s.Data[1:], []byte{0})
		return string(name)
	}
	unregister, err := format.RegisterType(&format.Type{
		Number: 102,
		Name:   "exec",
		Decode: func(s *format.Sample) error { return s.RequireLen(17) },
		Line:   func(l *format.Line, s *format.Sample) { l.Printf("CPU %d runs %s", s.CPU, name(s)) },
		JSON:   func(o *format.Object, s *format.Sample) { o.String("process", name(s)) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unregister()

	ev := format.NewEvent(nil)
	ev.Decode(sample([]byte("\x66nginx \x1b[2J\x00\x00\x00\x00\x00\x00")))
	os.Stdout.Write(format.New(format.Options{}).Append(nil, ev))
	os.Stdout.Write(format.New(format.Options{Output: format.OutputJSON}).Append(nil, ev))
	ev.Decode(sample([]byte("\x66nginx")))
	os.Stdout.Write(format.New(format.Options{}).Append(nil, ev))

	// Output:
	// CPU 1 runs nginx \u001b[2J
	// {"cpu":"CPU 01:","type":"exec","process":"nginx \u001b[2J"}
	// ERR  cannot decode exec sample, version 0: truncated: expected 17 bytes, got 6 bytes
}
