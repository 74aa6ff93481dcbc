// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"fmt"
	"testing"

	"github.com/cilium/hive/script"

	"github.com/cilium/monitor/internal/commands"
)

// clients are the clients that a script connected, by name.
type clients struct {
	t      testing.TB
	socket string // that they connect to if the script names no other
	byName map[string]*Client
}

// clientCommands returns commands for clients that are closed at the end of the test.
func clientCommands(t testing.TB, socket string) map[string]script.Cmd {
	c := &clients{t: t, socket: socket, byName: make(map[string]*Client)}
	return map[string]script.Cmd{
		"client/connect":    c.connect(),
		"client/disconnect": c.disconnect(),
		"client/stall":      c.stall(),
		"client/resume":     c.resume(),
		"client/wait":       c.wait(),
		"client/wait-end":   c.waitEnd(),
		"client/events":     c.events(),
	}
}

func (c *clients) connect() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Connect a client to the monitor API",
		Args:    "name [socket]",
		Detail: []string{
			"Without a socket it is the one of --monitor-socket-path.",
			"When the command returns, the client gets every event from then on. It reads all by itself and keeps what it reads.",
		},
	}
	return commands.Command(usage, 1, 2, func(s *script.State, args []string) (string, error) {
		name, socket := args[0], c.socket
		if len(args) == 2 {
			socket = s.Path(args[1])
		}
		if c.byName[name] != nil {
			return "", fmt.Errorf("there is a client %s already", name)
		}
		client, err := Connect(s.Context(), socket)
		if err != nil {
			return "", err
		}
		c.byName[name] = client
		c.t.Cleanup(func() { client.Close() })
		return "", nil
	})
}

func (c *clients) disconnect() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Disconnect a client",
		Detail:  []string{"What it has read can still be looked at. The monitor notices some time after that."},
	}
	return c.command(usage, func(_ context.Context, client *Client) (string, error) {
		return "", client.Close()
	})
}

func (c *clients) stall() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Make a client stop reading, so that it falls behind",
	}
	return c.command(usage, func(_ context.Context, client *Client) (string, error) {
		client.Stall()
		return "", nil
	})
}

func (c *clients) resume() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Make a stalled client read again",
	}
	return c.command(usage, func(_ context.Context, client *Client) (string, error) {
		client.Resume()
		return "", nil
	})
}

func (c *clients) wait() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Wait until a client has seen a number of events",
		Args:    "name count",
		Detail: []string{
			"Events that were reported to the client as lost count as well. Prints how many there were of either.",
			"Fails if they have not come after a minute, and says what came instead.",
		},
	}
	return commands.Command(usage, 2, 2, func(s *script.State, args []string) (string, error) {
		client, err := c.client(args[0])
		if err != nil {
			return "", err
		}
		n, err := count(args[1])
		if err != nil {
			return "", err
		}
		if err := client.WaitFor(s.Context(), n); err != nil {
			return "", fmt.Errorf("client %s: %w", args[0], err)
		}
		return counts(client.Counts()), nil
	})
}

func (c *clients) waitEnd() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Wait until the monitor has closed a client's connection",
		Detail:  []string{"Prints how many events the client got, and how many were reported to it as lost."},
	}
	return c.command(usage, func(ctx context.Context, client *Client) (string, error) {
		if err := client.WaitEnd(ctx); err != nil {
			return "", err
		}
		return counts(client.Counts()), nil
	})
}

func (c *clients) events() script.Cmd {
	usage := script.CmdUsage{
		Summary: "Print what a client has seen so far",
		Detail:  []string{"Each line is one that 'monitor watch -v --numeric' prints."},
	}
	return c.command(usage, func(_ context.Context, client *Client) (string, error) {
		return lines(client.Payloads(), payloadLine), nil
	})
}

// command returns a command on the client that it is given the name of.
func (c *clients) command(usage script.CmdUsage, run func(context.Context, *Client) (stdout string, err error)) script.Cmd {
	usage.Args = "name"
	return commands.Command(usage, 1, 1, func(s *script.State, args []string) (string, error) {
		client, err := c.client(args[0])
		if err != nil {
			return "", err
		}
		stdout, err := run(s.Context(), client)
		if err != nil {
			err = fmt.Errorf("client %s: %w", args[0], err)
		}
		return stdout, err
	})
}

func (c *clients) client(name string) (*Client, error) {
	if client := c.byName[name]; client != nil {
		return client, nil
	}
	return nil, fmt.Errorf("there is no client %s", name)
}

// counts describes how many events a subscriber got and lost.
func counts(events, lost uint64) string {
	return fmt.Sprintf("%d events, %d lost\n", events, lost)
}
