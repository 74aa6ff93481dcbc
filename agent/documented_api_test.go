// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"sync"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/models"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/listener"
)

// The monitor API that Cilium documents, which callers and subscribers written for it compile
// with: each name with its signature. NewAgent and ServeMonitorAPI also take options.
var (
	_ = func(ctx context.Context) *agent.Agent { return agent.NewAgent(ctx) }
	_ = func(a *agent.Agent) error { return agent.ServeMonitorAPI(a) }

	_ func(a *agent.Agent, nPages int) error                     = (*agent.Agent).AttachToEventsMap
	_ func(a *agent.Agent) context.Context                       = (*agent.Agent).Context
	_ func(a *agent.Agent, newConsumer consumer.MonitorConsumer) = (*agent.Agent).RegisterNewConsumer
	_ func(a *agent.Agent, newListener listener.MonitorListener) = (*agent.Agent).RegisterNewListener
	_ func(a *agent.Agent, mc consumer.MonitorConsumer)          = (*agent.Agent).RemoveConsumer
	_ func(a *agent.Agent, ml listener.MonitorListener)          = (*agent.Agent).RemoveListener
	_ func(a *agent.Agent, typ int, event interface{}) error     = (*agent.Agent).SendEvent
	_ func(a *agent.Agent) *models.MonitorStatus                 = (*agent.Agent).State

	_ = func(a *agent.Agent) (sync.Locker, *models.MonitorStatus) { return &a.Mutex, &a.MonitorStatus }
)
