// SPDX-License-Identifier: Apache-2.0

// Package ciliumagent gives Cilium's packages this project's agent: what takes the agent interface of
// github.com/cilium/cilium/pkg/monitor/agent, as the cell of Cilium's Hubble does, plugs in unchanged. It is a module of
// its own, for the sake of what Cilium's module needs.
//
//	hive.New(monitor.Cell, ciliumagent.Cell, yourCells...)
//
// [Cell] takes the place of the cell of Cilium's monitor agent, whose flags monitor.Cell has. In a hive of Cilium's own
// (github.com/cilium/cilium/pkg/hive) with its Hubble (pkg/hubble/cell), replace the line
//
//	monitorAgent.Cell, // of github.com/cilium/cilium/pkg/monitor/agent
//
// by these two:
//
//	monitor.Cell,
//	ciliumagent.Cell,
//
// All that Cilium's Hubble asks of the agent is its interface; all else it asks of the other cells of Cilium. Retina's
// Hubble control plane takes the same interface in the place of its own monitoragent.Cell, once Retina is on Cilium v1.20: the
// interface of v1.19, which it is on, is the same, but that version does not build with the versions of hive and Kubernetes'
// client that this module needs. The plugins of Retina hand it events as SendEvent(0, event), which consumers get as they are.
//
// The interfaces of consumers and listeners are the same on both sides; what they carry has types of its own on each.
// Untranslated, a consumer of Cilium's takes no agent notification and no access log record for what it is. So
// these are translated: from Cilium's types when Cilium's code sends one, for subscribers and clients of this
// project, and into Cilium's types for each subscriber that is registered here. Events of the datapath, and losses, are the
// same on both sides and are handed on as they are. So is what has a type that neither side knows, as programs send
// that have events of their own.
//
// The access log of Cilium v1.20 has no records of Kafka: one becomes a record of another protocol, "kafka".
package ciliumagent
