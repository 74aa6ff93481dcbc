// SPDX-License-Identifier: Apache-2.0

// Package acceptance has only tests: the monitor of hubble/otlp sends to OpenTelemetry's own collector, with its receiver of OTLP. It
// is a module of its own, for the sake of what the collector needs.
package acceptance
