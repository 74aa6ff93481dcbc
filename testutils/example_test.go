// SPDX-License-Identifier: Apache-2.0

package testutils_test

import (
	"context"
	"fmt"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// What sends events is tested with a real agent, which needs neither root nor BPF for it.
func ExampleFakeConsumer() {
	ctx, cancel := context.WithCancel(context.Background())
	a := agent.NewAgent(ctx)
	defer func() { cancel(); <-a.Done() }()
	consumer := new(testutils.FakeConsumer)
	a.RegisterNewConsumer(consumer)

	underTest := func(a *agent.Agent) error {
		return a.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello"))
	}
	if err := underTest(a); err != nil {
		fmt.Println(err)
	}
	if err := consumer.WaitFor(ctx, 1); err != nil {
		fmt.Println(err)
	}
	for _, n := range consumer.Notifications() {
		fmt.Println(n)
	}
	// Output: agent Message: "hello"
}
