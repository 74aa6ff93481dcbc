// SPDX-License-Identifier: Apache-2.0

// Package otlp sends flows to an OpenTelemetry collector, as log records by OTLP, over gRPC or HTTP. From there they go
// wherever the collector brings logs. It is a module of its own, for the sake of what OpenTelemetry's needs.
//
//	hive.New(monitor.Cell, hubble.Cell, otlp.Cell)
//
// # What is sent
//
// Flows that the allow list matches and the deny list does not, as package hubble/export has it: drops and policy verdicts by
// default. Flows of the connection to the collector are left out, since each would make another one. A flow is a log record
// with event name hubble.flow; its attributes are those of OpenTelemetry's semantic conventions where they have a
// word for it (source.address, destination.port, network.transport, http.request.method), and hubble.* for the rest.
//
// # A collector that is away
//
// Records are sent in batches: of 512, or of what came within a second. A batch that the collector can't take now is sent again,
// with growing pauses of up to half a minute, until it can; meanwhile events wait in the agent's queue, which is bounded, and
// nothing else waits. What that has no room for is lost to this export alone. So is a batch that the collector refuses for good.
//
// Each loss is a record of its own, hubble.lost_events, with the exact number. So the flows that a collector has
// acknowledged and the losses that it was told add up to what happened. A batch whose answer was lost on its way comes
// twice: flows are told apart by hubble.uuid, losses by their times.
//
// When the program stops, what came until then is sent, with one try for each batch, and no longer than 5 seconds.
package otlp
