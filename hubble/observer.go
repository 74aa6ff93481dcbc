// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"context"
	"time"

	observerpb "github.com/cilium/cilium/api/v1/observer"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/metrics"
	"github.com/cilium/monitor/interest"
)

// flowEvents are the events that flows are made of.
var flowEvents = interest.Types(
	api.MessageTypeDrop, api.MessageTypeCapture, api.MessageTypeTrace, api.MessageTypePolicyVerdict, api.MessageTypeTraceSock,
	api.MessageTypeAccessLog,
)

// observer is observer.Observer, on the events of an agent. GetNodes is not implemented: that is Relay's.
type observer struct {
	observerpb.UnimplementedObserverServer

	agent    *agent.Agent
	decoder  *sharedDecoder
	node     node
	capacity int // of events, as it was asked for
	started  time.Time
	own      *ownAddresses
	metrics  *metrics.Metrics

	rate       cached[float64]
	namespaces cached[[]*observerpb.Namespace]
}

// ServerStatus implements observerpb.ObserverServer.
func (o *observer) ServerStatus(ctx context.Context, _ *observerpb.ServerStatusRequest) (*observerpb.ServerStatusResponse, error) {
	stats := o.agent.Stats()
	status := &observerpb.ServerStatusResponse{
		Version:   serverVersion(),
		MaxFlows:  uint64(o.capacity),
		SeenFlows: seenFlows(stats),
		UptimeNs:  uint64(time.Since(o.started)),
	}
	if stats.History != nil {
		status.NumFlows = uint64(stats.History.Payloads)
		status.MaxFlows = max(status.MaxFlows, status.NumFlows) // there is room for more small ones
	}
	var err error
	status.FlowsRate, err = o.rate.get(time.Second, func() (float64, error) { return o.flowRate(ctx) })
	return status, err
}

// seenFlows returns how many of the events that the agent read are flows.
func seenFlows(stats agent.Stats) (n uint64) {
	for _, traffic := range []agent.Traffic{stats.Datapath, stats.User} {
		for _, t := range traffic.Types {
			if flowEvents.WantsType(t.Type) {
				n += t.Events
			}
		}
	}
	return n
}

// rateWindow is the time that a rate is of.
const rateWindow = time.Minute

// flowRate returns how many flows there were a second, in the last minute, or as far back as the history goes.
func (o *observer) flowRate(ctx context.Context) (float64, error) {
	now := time.Now()
	since := now.Add(-min(rateWindow, now.Sub(o.started)))
	n, first := 0, since
	err := o.scan(ctx, since, func(e agent.Event) {
		if n++; n == 1 {
			first = e.Time
		}
	})
	if err != nil {
		return 0, err
	}
	stats := o.agent.Stats()
	if stats.History == nil || n == 0 {
		return 0, nil
	}
	if stats.History.Oldest.After(since) && seenFlows(stats) > uint64(stats.History.Payloads) {
		since = first // what was before is not there any more
	}
	return float64(n) / max(now.Sub(since).Seconds(), time.Millisecond.Seconds()), nil
}
