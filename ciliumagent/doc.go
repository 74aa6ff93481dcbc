// SPDX-License-Identifier: Apache-2.0

// Package ciliumagent gives Cilium's packages this project's agent: what takes the agent interface of
// github.com/cilium/cilium/pkg/monitor/agent, as the cell of Cilium's Hubble does, plugs in unchanged. It is a module of
// its own, for the sake of what Cilium's module needs.
//
//	hive.New(monitor.Cell, ciliumagent.Cell, yourCells...)
//
// [Cell] takes the place of the cell of Cilium's monitor agent, whose flags monitor.Cell has.
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
