// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"errors"

	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/listener"
)

// ConsumerOut is what a constructor returns to subscribe a consumer to all events:
//
//	cell.Provide(func(...) monitor.ConsumerOut {
//		return monitor.ConsumerOut{Consumer: yourConsumer}
//	})
//
// The consumer is registered after the start hooks that its constructor appended, and
// removed before their stop hooks: by then it has every event that the datapath wrote and
// that cells had sent, and it gets none after that.
// The constructor may take *agent.Agent, and may return other things beside it: embed
// ConsumerOut in a struct with cell.Out. A nil Consumer subscribes nobody.
type ConsumerOut struct {
	cell.Out

	Consumer consumer.MonitorConsumer `group:"monitor-consumers"`
}

// ListenerOut is what a constructor returns to subscribe a listener, as with [ConsumerOut]. The
// listener is closed before the stop hooks that its constructor appended.
type ListenerOut struct {
	cell.Out

	Listener listener.MonitorListener `group:"monitor-listeners"`
}

type subscribeParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Agent     *agent.Agent
	Consumers []consumer.MonitorConsumer `group:"monitor-consumers"`
	Listeners []listener.MonitorListener `group:"monitor-listeners"`
}

// subscribe subscribes those whom cells contribute as long as the hive runs.
func subscribe(p subscribeParams) {
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			for _, c := range p.Consumers {
				p.Agent.RegisterNewConsumer(c)
			}
			for _, l := range p.Listeners {
				p.Agent.RegisterNewListener(l)
			}
			return nil
		},
		OnStop: func(ctx cell.HookContext) error {
			err := p.Agent.Flush(ctx)
			for _, c := range p.Consumers {
				p.Agent.RemoveConsumer(c)
			}
			for _, l := range p.Listeners {
				p.Agent.RemoveListener(l)
			}
			// Those that are in a callback at the moment return from it.
			return errors.Join(err, p.Agent.Flush(ctx))
		},
	})
}
