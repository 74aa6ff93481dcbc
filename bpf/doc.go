// SPDX-License-Identifier: Apache-2.0

// Package bpf is a small real datapath for nodes that have no other: programs
// that report the packets of the given devices to an events map, and
// drop those that a deny rule matches. It runs on Linux 5.15 and newer.
//
// # Events
//
// For each packet that a device receives there is a trace event "from-network",
// and for each that it sends a trace event "to-network", with the first 128
// bytes of the packet. A packet that a rule matches leaves a policy verdict and
// a drop "Policy denied" instead of being received or sent; there is no
// "to-network" for it. The datapath knows neither endpoints nor identities nor
// connections: those fields are 0 and the trace reason is "unknown". UDP to port
// 8472 or 4789 is marked as VXLAN and to port 6081 as Geneve, so that clients show
// what the tunnel carries. As long as nobody reads the events map, an event costs a
// failed lookup.
//
// # Devices
//
// The programs are placed in front of those that a device has already, and pass
// on what they do not drop. They are attached by TCX, and where the kernel has none
// (before Linux 6.6) as filters with priority 1 of a clsact qdisc, which is added where
// it is missing, and removed at the end unless somebody else has filters there by then.
// If the process is killed, the kernel removes what TCX attached, but no filters: they go on, and drop
// what rules deny, until a datapath starts in the same network namespace.
//
// A device that is deleted and made again, or that goes and comes, gets the programs again within
// two seconds, and so does one from which somebody detached them.
//
// # Privileges
//
// Without root it takes CAP_BPF, CAP_NET_ADMIN and, on older kernels (6.1 is one), CAP_PERFMON, and
// CAP_DAC_OVERRIDE where bpffs belongs to root, as usual. CAP_SYS_ADMIN is for two things only. One is to mount
// bpffs where that has not been done. The other is to see whether a program uses the
// map that is pinned at the path of the events map, where a process that was killed
// leaves it behind: with CAP_SYS_ADMIN, a map that nobody uses is replaced, and one in
// use is an error. Without it, the map of an embedded datapath is taken over as the events
// map, even if another process still uses it, and stays pinned at the end; any other map,
// such as Cilium's, is an error.
//
// # Rules
//
// A rule reads
//
//	[PROTO][/PORT][@CIDR]
//
// and matches a packet that all of its parts match:
//
//   - PROTO is tcp, udp, sctp, icmp (ICMP and ICMPv6) or any, which is also what
//     a rule without it means.
//   - PORT is the destination port.
//   - CIDR, or a single address, is where the packet comes from on its way in,
//     and where it goes to on its way out: the address of the other side.
//
// So tcp/80@10.0.0.0/8 denies connections from 10.0.0.0/8 to port 80 here as
// well as connections from here to port 80 there, and @192.0.2.7 denies all
// packets from and to that address. Rules apply to all devices; the first that
// matches a packet is the one that the events tell of.
//
// Later fragments of a packet have no ports: a rule with a port drops the first
// one, which keeps the packet from being put together. At most two VLAN tags
// and eight IPv6 extension headers are skipped; what lies behind more of them
// matches by address alone. Packets that are not IP match no rule, ARP among
// them, and neither does IPv6's neighbour discovery.
package bpf
