// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"fmt"

	"github.com/cilium/hive/script"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/commands"
)

// consumers are the consumers that a script registered, by name.
type consumers struct {
	agent  *agent.Agent
	byName map[string]*FakeConsumer
}

func consumerCommands(a *agent.Agent) map[string]script.Cmd {
	c := &consumers{agent: a, byName: make(map[string]*FakeConsumer)}
	return map[string]script.Cmd{
		"consumer/register": c.register(),
		"consumer/remove":   c.remove(),
		"consumer/wait":     c.wait(),
		"consumer/events":   c.events(),
	}
}

func (c *consumers) register() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Register a consumer inside the process",
		Args:    "name",
		Detail: []string{
			"It keeps every event from then on. It can be registered before the hive is started, and again after it was removed.",
		},
	}
	return commands.Command(usage, 1, 1, func(_ *script.State, args []string) (string, error) {
		fake := c.byName[args[0]]
		if fake == nil {
			fake = new(FakeConsumer)
			c.byName[args[0]] = fake
		}
		c.agent.RegisterNewConsumer(fake)
		return "", nil
	})
}

func (c *consumers) remove() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Remove a consumer",
		Args:    "name",
		Detail:  []string{"What it got can still be looked at."},
	}
	return commands.Command(usage, 1, 1, func(_ *script.State, args []string) (string, error) {
		fake, err := c.consumer(args[0])
		if err != nil {
			return "", err
		}
		c.agent.RemoveConsumer(fake)
		return "", nil
	})
}

func (c *consumers) wait() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Wait until a consumer has got a number of events",
		Args:    "name count",
		Detail: []string{
			"Events that it was told are lost count as well. Prints how many there were of either.",
			"Fails if they have not come after a minute, and says what came instead.",
		},
	}
	return commands.Command(usage, 2, 2, func(s *script.State, args []string) (string, error) {
		fake, err := c.consumer(args[0])
		if err != nil {
			return "", err
		}
		n, err := count(args[1])
		if err != nil {
			return "", err
		}
		if err := fake.WaitFor(s.Context(), n); err != nil {
			return "", fmt.Errorf("consumer %s: %w", args[0], err)
		}
		return counts(fake.Counts()), nil
	})
}

func (c *consumers) events() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Print what a consumer got so far",
		Args:    "name",
		Detail:  []string{"Each line is one that 'monitor watch -v --numeric' prints."},
	}
	return commands.Command(usage, 1, 1, func(_ *script.State, args []string) (string, error) {
		fake, err := c.consumer(args[0])
		if err != nil {
			return "", err
		}
		return lines(fake.Notifications(), Notification.String), nil
	})
}

func (c *consumers) consumer(name string) (*FakeConsumer, error) {
	if fake := c.byName[name]; fake != nil {
		return fake, nil
	}
	return nil, fmt.Errorf("there is no consumer %s", name)
}
