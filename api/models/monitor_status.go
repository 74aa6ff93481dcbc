// SPDX-License-Identifier: Apache-2.0

// Package models has the data types of the agent's status API.
package models

// MonitorStatus is the status of the reader of the perf ring buffer. A ring buffer is described as that of
// one CPU.
type MonitorStatus struct {
	// Cpus is the number of CPUs that the events map has an entry for.
	Cpus int64 `json:"cpus,omitempty"`

	// Lost is the number of events that the datapath could not write since the
	// agent was attached, because a ring was full.
	Lost int64 `json:"lost,omitempty"`

	// Npages is the number of pages of each CPU's ring.
	Npages int64 `json:"npages,omitempty"`

	// Pagesize is the size of a page in bytes.
	Pagesize int64 `json:"pagesize,omitempty"`

	// Unknown is the number of records of a type other than sample and lost.
	Unknown int64 `json:"unknown,omitempty"`
}
