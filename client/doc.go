// SPDX-License-Identifier: Apache-2.0

// Package client reads the events of a monitor agent from its unix socket, as any
// server of the monitor API 1.2 serves them.
//
// [Dial] is one connection:
//
//	c, err := client.Dial(ctx, client.DefaultSocketPath)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	for pl, err := range c.Payloads() {
//		if err != nil {
//			return err // io.EOF: the agent is gone
//		}
//		fmt.Println(pl.CPU, len(pl.Data))
//	}
//
// [Follow] is for programs that outlive the agent: it connects again when that
// restarts.
//
// Package format turns payloads into text, package api decodes them. The agent
// keeps a bounded number of events for a client that falls behind; what it had to
// drop arrives as a payload of type RecordLost with CPU
// [payload.CPULostByReader] and the exact number.
package client
