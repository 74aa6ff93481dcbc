// SPDX-License-Identifier: Apache-2.0

// Package packet takes packets apart: who talks to whom in it, in what tunnels, and what an ICMP error is about.
//
//	var d packet.Dissection
//	d.Dissect(data, false, packet.TunnelNone)
//	h := d.Innermost()
//	fmt.Println(h.Src, h.SrcPort, h.Dst, h.DstPort)
//
// A packet may be cut, malformed or made to mislead: what can be known of it is there, and nothing else.
package packet
