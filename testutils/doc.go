// SPDX-License-Identifier: Apache-2.0

// Package testutils helps to test and measure what depends on the monitor. It runs on
// Linux.
//
//   - [NewEngine] runs hive script tests on a hive that the monitor is part of, with
//     commands for clients, consumers and events; see the scripts in testdata.
//     [Commands] has these commands for a hive of your own.
//   - [FakeConsumer], [FakeListener] and [Client] are subscribers that keep what they get.
//   - [FakeDatapath] is a datapath that is ready, or fails, when a test says so.
//   - [Generator] emits real events from BPF programs.
package testutils
