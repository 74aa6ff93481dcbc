// SPDX-License-Identifier: Apache-2.0

package monitor

import "context"

// DatapathReady is how a datapath announces itself: provide one in the object graph
// and the monitor attaches to the events map as soon as it returns nil.
//
// It is called after the start hook, on a goroutine of its own, and blocks until
// the events map is pinned where --monitor-events-map says. It returns an error
// if the datapath failed, and is called again then, within a second; and the context's error once
// that is cancelled, which happens when the hive stops. Start is not held up by it.
//
// Without a DatapathReady in the graph, or when it fails, subscribers get agent
// events only, and those of the sources that cells attach by themselves: a datapath that pins
// no map calls AttachToMap or AttachSource of *agent.Agent instead.
type DatapathReady func(ctx context.Context) error

// DatapathCheck tells whether all events that a datapath should write are written: it returns
// nil, or why some are not, a device that is gone for example. Provide one in the object graph,
// beside [DatapathReady], for what the datapath alone can know; a nil one is none.
//
// It is called every second while the events map is read. It returns soon and must not call the
// agent. What it returns is reported as events that may be missing, in health, status and metrics
// and to all subscribers.
type DatapathCheck func() error
