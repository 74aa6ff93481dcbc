// SPDX-License-Identifier: Apache-2.0

// Package monitor packages the event monitor of a BPF datapath as hive cells.
//
// A datapath reports what it does to packets through a perf ring buffer that only one
// process can read. [Cell] reads it once and hands every event to everyone who wants
// it: clients of a unix socket that speaks the Cilium 1.2 monitor API, and consumers
// and streams inside the process.
//
//	hive.New(monitor.Cell, yourCells...)
//
// [Cell] is [AgentCell], which reads and distributes, and [ServerCell], which serves the
// socket. Each can be used without the other.
//
// # What it provides
//
//   - *[agent.Agent], with which cells send events of their own (SendEvent), read them as a stream
//     at their own pace (Subscribe), register consumers for a part of their life, and attach
//     sources of events that are no pinned map (AttachToMap, AttachSource).
//   - The script commands monitor/status, monitor/subscribers, monitor/send and
//     monitor/watch, for hive's shell and for script tests.
//
// # What it takes
//
// All of it is optional: what is not in the object graph is done without.
//
//   - [ConsumerOut] and [ListenerOut]: consumers and listeners, from any number of cells,
//     which are subscribed as long as the hive runs.
//   - [HistoryOut]: how much history a cell needs of the agent.
//   - [VocabularyOut]: message types, drop reasons and source files of a datapath of your own,
//     from any number of cells.
//   - [DatapathReady]: tells when the events map is set up. Without it there are
//     only the events that cells send, and those of sources that they attach.
//   - [DatapathCheck]: tells what keeps the datapath from writing events.
//   - [prometheus.Registerer]: where the metrics of package metrics are registered.
//   - [cell.Health]: gets the scopes reader, reader.NAME for each source (that of the events map is
//     reader.events-map), reader.subscribers once a consumer or listener is in the way or removed,
//     datapath and server.
//   - [logrus.FieldLogger]: where it logs, with field subsys=monitor-agent. Without
//     one it logs to hive's slog logger.
//
// Each has an example below. The flags are those of [AgentConfig] and [ServerConfig].
package monitor

import "github.com/cilium/hive/cell"

// Cell is the monitor: the agent, served on a unix socket.
var Cell = cell.Group(AgentCell, ServerCell)
