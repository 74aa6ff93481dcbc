// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/monitor/api/models"
)

// Stats tells what the agent reads and who listens.
type Stats struct {
	// EventsMap is the path of the events map, and Attached whether the agent is
	// attached to it.
	EventsMap string
	Attached  bool

	// Reader is what State returns: nil while no reader runs.
	Reader *models.MonitorStatus

	// Accepted is the number of events that were encoded for clients since the
	// agent was made. A loss that the datapath reported counts as the events that it
	// lost.
	Accepted uint64

	// Consumers and Listeners are the numbers of those registered.
	Consumers, Listeners int

	// Clients are the connections to the monitor API, oldest first.
	Clients []ClientStats
}

// ClientStats tells how a client fares. Of the events accepted since it connected,
// Delivered were written to its socket, Lost were reported to it as lost, and Lag are
// waiting for it to read.
type ClientStats struct {
	PID, UID             int // of the process that connected
	Since                time.Time
	Delivered, Lost, Lag uint64
}

// Stats returns the current statistics.
func (a *Agent) Stats() Stats {
	if a == nil {
		return Stats{}
	}
	a.Lock()
	stats := Stats{
		EventsMap: a.eventsMapPath,
		Attached:  a.eventsMap != nil,
		Reader:    a.state(),
		Consumers: a.consumers.len(),
		Listeners: a.listeners.len(),
	}
	a.Unlock()
	stats.Accepted = a.events.Accepted()
	for s := range a.servers.all {
		for c := range s.conns.all {
			stats.Clients = append(stats.Clients, c.stats())
		}
	}
	return stats
}

func (c *conn) stats() ClientStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ClientStats{
		PID:       int(c.cred.Pid),
		UID:       int(c.cred.Uid),
		Since:     c.since,
		Delivered: c.cursor.Delivered(),
		Lost:      c.cursor.Lost(),
		Lag:       c.cursor.Lag(),
	}
}
