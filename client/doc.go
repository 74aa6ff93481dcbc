// SPDX-License-Identifier: Apache-2.0

// Package client reads the events of a monitor agent from its unix socket: by the monitor API 1.2, as any
// server of it serves them, and by the API 1.3, which sends what the client asks for.
//
// [Dial] is one connection by the API 1.2, over which all events come:
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
// [DialRequest] is one by the API 1.3, where the agent speaks that. Events then have times, those that happened before
// can be asked for, and events that nobody asks for may never be made:
//
//	c, err := client.DialRequest(ctx, client.DefaultSocketPath, &session.Request{
//		Types: []int{api.MessageTypeDrop},
//		From:  session.From{Last: 100},
//	})
//	...
//	for e, err := range c.Events() {
//
// [Follow] and [FollowRequest] are for programs that outlive the agent: they connect again when that
// restarts.
//
// Package format turns payloads into text, package api decodes them. The agent
// keeps a bounded number of events for a client that falls behind; what it had to
// drop arrives as a payload of type RecordLost with CPU
// [payload.CPULostByReader] and the exact number.
package client
