// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"fmt"

	"github.com/cilium/hive/script"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

func send(a *agent.Agent) script.Cmd {
	usage := script.CmdUsage{
		Summary: "Send events of user space, as a cell does",
		Args:    "type text...",
		Detail: []string{
			"Sends one event for each text. Type 'agent' sends a notification that has the text as its message, type 'l7' an access log record of a request that has it as its info, and any other type of user space that is registered the text, a string.",
		},
	}
	return Command(usage, 2, AnyNumber, func(_ *script.State, args []string) (string, error) {
		typ, err := api.ParseMessageType(args[0])
		if err != nil {
			return "", err
		}
		for _, text := range args[1:] {
			event, err := userEvent(typ, text)
			if err != nil {
				return "", err
			}
			if err := a.SendEvent(typ, event); err != nil {
				return "", err
			}
		}
		return "", nil
	})
}

// userEvent returns an event of user space that carries the text.
func userEvent(typ int, text string) (any, error) {
	switch typ {
	case api.MessageTypeAgent:
		return api.GenericMessage(text), nil
	case api.MessageTypeAccessLog:
		return &accesslog.LogRecord{
			Type:             accesslog.TypeRequest,
			ObservationPoint: accesslog.Ingress,
			Verdict:          accesslog.VerdictForwarded,
			Info:             text,
		}, nil
	}
	if typ < api.MessageTypeAccessLog {
		return nil, fmt.Errorf("events of type %s come from the datapath", api.MessageTypeName(typ))
	}
	return text, nil
}
