// SPDX-License-Identifier: Apache-2.0

// Package acceptance has tests of the monitor with Hubble from the outside: with the hubble command line and Hubble Relay as
// Cilium makes them, which "make test-hubble" builds.
package acceptance
