// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/prometheus/client_golang/prometheus"

// namespace begins the name of each metric.
const namespace = "cilium_monitor"

// desc describes a metric.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

var (
	events = desc("events_total",
		"Events that were distributed, by source (datapath, user) and message type.", "source", "type")
	eventBytes = desc("event_bytes_total",
		"Bytes of these events, without those of user space that only consumers got.", "source", "type")
	lastEvent = desc("last_event_timestamp_seconds",
		"When the last event came, in seconds since 1970, by source. Not there before the first one.", "source")

	lost = desc("lost_events_total",
		"Events that did not reach everybody, by reason: ring_full (nobody got them; by CPU in ring_lost_events_total),"+
			" client_behind and stream_behind (sums over clients and streams that were too slow), queue_full (the sender was told),"+
			" not_encodable (clients did not get them; the sender was told).", "reason")
	ringLost = desc("ring_lost_events_total",
		"Events that the datapath could not write since the ring of a CPU was full.", "cpu")
	corruptRings = desc("corrupt_rings_total",
		"How often a ring held what can't be records and was emptied.")

	attached = desc("attached",
		"1 while the agent is attached to a source of events.")
	reading = desc("reading",
		"1 while a source is read: attached, and somebody is subscribed.")
	readerFailures = desc("reader_failures_total",
		"How often opening or reading a source failed.")
	wakeups = desc("reader_wakeups_total",
		"Polls of the rings by their readers, by what woke these up: the kernel, which the datapath pays for, or a timer.", "by")
	batch = desc("reader_batch_events",
		"Events and losses that a poll of the rings found.")

	sourceReading = desc("source_reading",
		"1 while this source is read, by its name. Metrics of a source count from its attachment.", "name")
	sourceRecords = desc("source_records_total",
		"Events and records of losses that were read from this source.", "name")
	sourceLost = desc("source_lost_events_total",
		"Events that this source could not take since a ring was full.", "name")
	sourceIncomplete = desc("source_incomplete",
		"1 while events of this source may be missing: the health of the agent and monitor status say why.", "name")
	sourceReopened = desc("source_reopened_total",
		"How often this source was read anew since events of it might be missing: an unknown number may be lost.", "name")
	sourceFailures = desc("source_failures_total",
		"How often opening or reading this source failed.", "name")

	subscribers = desc("subscribers",
		"Who is subscribed now, by kind (consumer, listener, stream, client).", "kind")
	subscriptions = desc("subscriptions_total",
		"Who was ever subscribed, by kind (consumer, listener, stream, client).", "kind")

	queueSize = desc("queue_size_events",
		"Events that are kept for clients that fall behind.")
	queueBytes = desc("queue_limit_bytes",
		"Memory that these events may take.")
	queueMemory = desc("queue_memory_bytes",
		"Memory that these events take.")
	rateLimited = desc("rate_limited_events_total",
		"Events that were not made since there were more than a rate limit allows, by message type: the datapath's, or of kernel-drop the one of each kind on a CPU. Subscribers are told that they are lost; they are not in lost_events_total.", "type")
	aggregated = desc("aggregated_events_total",
		"Events that the datapath did not make since they had nothing new to tell of their flow, by message type. Nothing is lost.", "type")
	unwanted = desc("unwanted_events_total",
		"Events that were read and that no subscriber asked for.")
	historyBytes = desc("history_limit_bytes",
		"Memory that the events may take that are kept for those who come later; 0 if none are kept.")
	historyMemory = desc("history_memory_bytes",
		"Memory that these events take.")
	historyOldest = desc("history_oldest_timestamp_seconds",
		"Time of the oldest of these events, since 1970; absent if there is none.")
	maxLag = desc("client_lag_max_events",
		"Events that the client which is furthest behind has yet to read.")
	lag = desc("client_lag_events",
		"Events that clients have yet to read, summed up over all of them.")
	clientAccepted = desc("client_accepted_events_total",
		"Events that came while a client was connected, summed up over all clients: the sum of client_events_total and client_lag_events.")
	clientEvents = desc("client_events_total",
		"What became of these events: delivered, lost (the client was told how many) or abandoned (unread when the connection ended).", "outcome")
	streamLag = desc("stream_lag_events",
		"Events that a stream inside the process has yet to read, by its name, summed up over those of one name.", "name")
	streamEvents = desc("stream_events_total",
		"What became of the events for the streams of a name: delivered, or lost (they were told how many). Counts while one of that name is there.", "name", "outcome")
	callbacks = desc("callbacks_total",
		"How often the consumers or listeners of a name were called, with an event or a loss. Counts while one of that name is there.", "kind", "name")
	callbackSeconds = desc("callback_seconds_total",
		"Time that these calls took: nobody gets the next events before they return.", "kind", "name")
	callbackRunning = desc("callback_running_seconds",
		"How long the consumer or listener has been with the events that it is at. Seconds mean that it holds everybody up.", "kind", "name")
	queueEvents = desc("consumer_queue_events_total",
		"What became of the events in the queues of consumers of a name that have one: delivered, or lost (they were told how many).", "name", "outcome")
	queueLag = desc("consumer_queue_lag_events",
		"Events that wait in the queues of consumers of a name.", "name")
	removed = desc("removed_subscribers_total",
		"Consumers and listeners that were removed since they panicked, or whose Close did not return: the health of the agent and monitor status name them.", "kind")
	missed = desc("removed_subscribers_missed_events_total",
		"Events that consumers and listeners missed since they panicked.", "kind")

	acceptErrors = desc("accept_errors_total",
		"How often a connection could not be accepted.")
	refused = desc("refused_connections_total",
		"How many connections were closed at once since there were as many clients as there may be.")
	writeErrors = desc("write_errors_total",
		"How often a connection ended because it could not be written to, though the client had not left.")

	kernelDrops = desc("kernel_drops_total",
		"Packets that the kernel dropped, by reason, function, device (unknown in other network namespaces than the agent's, and where the kernel does not know any more)"+
			" and direction (ingress, egress), whether anybody watches or not.", "reason", "function", "device", "direction")
	kernelDropsNoise = desc("kernel_drops_noise_total",
		"What the kernel freed where it drops packets and that is no loss to anybody, by reason and function.", "reason", "function")
	kernelDropsLimited = desc("kernel_drops_limited_total",
		"Packets that the kernel dropped and that left no event although somebody watched, since there were too many like it, by reason.", "reason")
	kernelDropsMissed = desc("kernel_drops_missed_total",
		"Packets that the kernel dropped while the same CPU was looking at another one: neither counted nor told.")

	devicePackets = desc("device_packets_total",
		"Packets of the devices that the embedded datapath is attached to, by device and direction (ingress, egress), whether anybody watches or not.", "device", "direction")
	deviceBytes = desc("device_bytes_total",
		"Bytes of these packets.", "device", "direction")
	deviceDenied = desc("device_denied_packets_total",
		"Those of these packets that a rule of the embedded datapath dropped.", "device", "direction")

	buildInfo = desc("build_info",
		"1, with the version of the monitor, its commit (unknown in a program of another module) and the version of Go.", "version", "revision", "goversion")
)

// all are the descriptions of the metrics of an agent.
var all = []*prometheus.Desc{
	events, eventBytes, lastEvent,
	lost, ringLost, corruptRings, rateLimited, aggregated,
	attached, reading, readerFailures, wakeups, batch,
	sourceReading, sourceIncomplete, sourceRecords, sourceLost, sourceReopened, sourceFailures,
	subscribers, subscriptions,
	unwanted, historyBytes, historyMemory, historyOldest,
	queueSize, queueBytes, queueMemory, maxLag, lag, clientAccepted, clientEvents, acceptErrors, refused, writeErrors,
	streamLag, streamEvents,
	callbacks, callbackSeconds, callbackRunning, queueEvents, queueLag, removed, missed,
	buildInfo,
}

// ofTraffic are those of the devices of the embedded datapath.
var ofTraffic = []*prometheus.Desc{devicePackets, deviceBytes, deviceDenied}

// ofKernelDrops are those of what the kernel drops.
var ofKernelDrops = []*prometheus.Desc{kernelDrops, kernelDropsNoise, kernelDropsLimited, kernelDropsMissed}
