// SPDX-License-Identifier: Apache-2.0

// Package bpf is a small real datapath for nodes that have no other: programs
// that report the packets of the given devices to an events map, and
// drop those that a deny rule matches. It runs on Linux 5.15 and newer, on machines that read words at
// any address, as amd64 and arm64 do.
//
// # Events
//
// For each packet that a device receives there is a trace event "from-network",
// and for each that it sends a trace event "to-network", with the start of the
// packet. A packet that a rule matches leaves a policy verdict and
// a drop "Policy denied" instead of being received or sent; there is no
// "to-network" for it. The datapath knows neither endpoints nor identities: those fields are 0. As long as nobody
// reads the events map, an event costs a failed lookup. All packets are counted by device and direction, whether anybody reads or
// not: [Datapath.Traffic].
//
// The start of the packet is 128 bytes, and as many more, up to 512, as headers take up that a simple
// packet does not have: tags, options, extension headers, and all that is in front of a packet in a
// tunnel or of one that an ICMP error is about. It is what is on the wire: a VLAN tag that
// the kernel holds beside the packet, as it does with the outermost one, is where it belongs, as in
// captures of libpcap, and counts in the length of the packet. A device without Ethernet headers has no
// place for it.
//
// UDP to port 8472 or 4789 is marked as VXLAN and to port 6081 as Geneve, so that clients show what
// the tunnel carries, if a header follows that Linux would accept: VXLAN's has bit I and, but for a group
// policy, nothing else that is reserved; Geneve's has version 0, carries Ethernet or IP, and its
// options fit.
//
// # Connections
//
// Where the kernel tracks connections in the device's network namespace, since a firewall or NAT asks for it, the reason of a trace
// is what state the packet has, by the kernel's own rules: new until there was an answer, established, reply, or related, as
// ICMP errors about a connection are. Otherwise it is "unknown", which clients leave out. On its way out a packet has its
// state with it. One that comes in gets it behind the programs; what it will be is looked up (bpf_skb_ct_lookup), which
// takes Linux 5.18. It is known of TCP, UDP, and errors about them, in the default zone; a packet of TCP that belongs to
// no connection and is no SYN stays unknown, since it may be invalid. If nf_conntrack is a module, that takes CAP_SYS_ADMIN, and the
// module has to be there when the datapath starts, and stays until it ends.
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
// two seconds, and so does one from which somebody detached them, and a new one that matches a pattern.
//
// # Privileges
//
// Without root it takes CAP_BPF, CAP_NET_ADMIN and, on older kernels (6.1 is one), CAP_PERFMON, and
// CAP_DAC_OVERRIDE where bpffs belongs to root, as usual. CAP_SYS_ADMIN is for three things only. One is to look
// up connections, see above. Another one is to mount bpffs where that has not been done. The third is to see whether a program uses the
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
//   - PROTO is tcp, udp, sctp, icmp (ICMP and ICMPv6, but see below) or any, which is also
//     what a rule without it means.
//   - PORT is the destination port.
//   - CIDR, or a single address, is where the packet comes from on its way in,
//     and where it goes to on its way out: the address of the other side.
//
// An IPv4-mapped IPv6 address (::ffff:192.0.2.7) is matched by rules for either. To an application it looks like
// IPv4.
//
// So tcp/80@10.0.0.0/8 denies connections from 10.0.0.0/8 to port 80 here as
// well as connections from here to port 80 there, and @192.0.2.7 denies all
// packets from and to that address. Rules apply to all devices; the first that
// matches a packet is the one that the events tell of: its number, from 1, is the cookie of the policy
// verdict, in which Cilium has what tells its policies apart. [Cell] has each connection to the agent
// begin with the texts of the rules (api.DenyRulesNotice), so that clients elsewhere can name the rule of a verdict and
// of the drop that follows it (format.Event.DenyRule); with [Load], that is for agent.WithOpening.
//
// Rules are about the outermost IP header, which the host acts on: of a tunnel's packet they see
// the tunnel. It is found, and ports behind it, whatever is in between, as far as the packet says itself that
// it goes: up to nine VLAN tags, a SNAP header between them counting as one, in the packet and one beside it; eight MPLS
// labels; a session of PPPoE; options of IPv4; up to 16 headers of authentication, also in IPv4, and extension headers of IPv6 of any kind and
// order. What lies behind more of them matches by address alone, and so does what is encrypted (ESP).
//
// Later fragments of a packet have no ports: a rule with a port drops the first fragment, which keeps the
// packet from being put together. The others pass, and filters for the port do not
// find them. Rules without a port match all fragments.
//
// # Fewer events
//
// [Options.RateLimits] and [Options.TraceInterval] have the datapath make fewer events than somebody wants. What it leaves out is
// counted in a map beside the events map, of which an agent tells its subscribers: suppressed.h. The order is: what nobody wants
// (wanted.h), what says nothing new of its flow (aggregate.h), what there are too many of (rate_limit.h). Each takes nothing away from the next.
//
// # What no rule drops
//
// Packets that are not IP match no rule, ARP among them. RFC 4890 says, in sections 4.3.1 and
// 4.4.1, what of ICMPv6 must not be dropped. Of that:
//
//   - No rule drops what the links of a host need: router and neighbour discovery and redirects (types
//     133 to 137), also inverse (141, 142) and secured (148, 149), listeners of multicast (MLD: 130 to 132,
//     143) and its routers (151 to 153). IPv4 has ARP in the place of that, and works without IGMP, which
//     rules by address therefore do drop.
//   - Rules for icmp do not drop errors: destination unreachable, packet too big, time exceeded and
//     parameter problem (1 to 4), and of ICMP in IPv4 destination unreachable, which has "fragmentation
//     needed", time exceeded and parameter problem (3, 11, 12). Without them connections hang that no rule
//     denies. A rule for addresses without a protocol means the errors, too.
//   - Echo is in the RFC's lists as well. A rule for icmp drops it all the same: that is what people want of it.
//
// # Kernel drops
//
// [LoadKernelDrops], and [KernelDropsCell], tell what the kernel itself drops, at the tracepoint skb:kfree_skb: on any device and in any
// network namespace, with or without the datapath above. They take CAP_BPF and CAP_PERFMON, and BTF in the kernel.
//
// The program knows a reason by its number, which differs from kernel to kernel, and the function by an address, which is nobody's
// business. The agent that reads its events puts texts in their place: the name of the reason, from the kernel's BTF and that of its
// modules, and the name of the function, which the program has the kernel print once for each address. So an event has all
// in it, for clients of any API, in recordings and for consumers inside the process: api.KernelDropNotify.
package bpf
