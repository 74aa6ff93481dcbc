// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of the monitor: its agent reads the events of a BPF datapath, its other
// commands show them.
package cli
