// SPDX-License-Identifier: Apache-2.0

// Package hubble serves Hubble's API on the events of the monitor, so that the hubble command line and Hubble Relay show
// those of any agent binary: with or without Cilium, of one node or of a cluster.
//
//	hive.New(monitor.Cell, hubble.Cell)
//
// # How it works
//
// Nothing is decoded before somebody asks. The agent keeps the raw events in its history ([monitor.HistoryOut]), a request
// reads them from there, and goes on with what comes if it follows, as a stream of its own ([agent.Agent.SubscribeEvents]): a
// filter looks at the raw event first, and only what can match becomes a flow (package hubble/flow) and is matched in full
// (package hubble/filter).
//
// A client that does not keep up loses events, holds nobody up, and is told with a LostEvents message in place of each gap:
// source PERF_EVENT_RING_BUFFER for what the datapath lost, with its CPU, HUBBLE_RING_BUFFER for what the client was too
// slow for. What it got and what it was told add up to what was written.
//
// # What it serves
//
// observer.Observer but GetNodes, which is Relay's; peer.Peer; grpc.health.v1.Health. On a unix socket for this node, by the
// rules of the monitor's own socket, and if told so on TCP, for Relay: with TLS 1.3 and for clients with a certificate only.
//
// # What it takes
//
// All of it is optional: [flow.Getters] of package hubble/flow, which know what the datapath does not: endpoints, names,
// services; [PeerProvider] for the nodes of the cluster, instead of the flags; [logrus.FieldLogger] or else hive's slog
// logger; [cell.Health].
//
// # What it provides
//
// *[flow.Decoder], which makes the messages of the API of events, for cells that send them elsewhere.
package hubble
