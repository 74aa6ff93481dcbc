// SPDX-License-Identifier: Apache-2.0

// Package metrics exports the statistics of a monitor agent to Prometheus.
//
// All is collected when it is scraped, from what the agent counts once for each batch in any
// case: those who handle events pay nothing for it, however often that is.
//
// monitor.AgentCell registers a [Collector] where the object graph has a
// prometheus.Registerer; several monitors in one process need registerers that tell them
// apart, such as those of prometheus.WrapRegistererWith.
package metrics
