// SPDX-License-Identifier: Apache-2.0

// Package export writes flows where nobody has to ask for them: as lines of JSON into a file that is rotated ([Cell]), and
// for exporters of one's own wherever a [Sink] takes them ([Start]). Package hubble/otlp, a module of its own, has one that
// sends them to OpenTelemetry collectors.
//
//	hive.New(monitor.Cell, hubble.Cell, export.Cell)
//
// # What is exported
//
// Flows that an allow list matches and a deny list does not, both of filters of Hubble's API; without an allow list drops and
// policy verdicts. The agent is told so: of a datapath that looks at what is wanted, nothing else is made for an exporter.
// Losses are exported with every filter.
//
// # Losses
//
// An export is a stream of the agent ([agent.Agent.SubscribeEvents]): it holds nobody up, and what it is too slow for is lost
// to it alone. Each gap becomes a LostEvents message in its place, with the exact number and its source:
// PERF_EVENT_RING_BUFFER for what the datapath lost, HUBBLE_RING_BUFFER for what the export was too slow for, or could not
// write. So what is exported, what a filter left out and what is told lost add up to what happened. When the program stops,
// what has happened until then is exported before.
package export
