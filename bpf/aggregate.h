/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Aggregating traces by flow: of the packets of a flow only those are traced that say something new, and one in each
 * interval, as Cilium's monitor-aggregation does it. Any datapath can include this.
 *
 * Something new is the first packet of a flow, each with SYN, FIN or RST, and the first one with another flag of TCP.
 * A flow that was not seen for long may have been forgotten, for want of room: it begins anew. Two packets of
 * a flow that come on two CPUs at the same time may both be traced.
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_LRU_HASH);
 *		__uint(max_entries, 65536);
 *		__type(key, struct monitor_flow);
 *		__type(value, struct monitor_flow_state);
 *	} my_flows SEC(".maps");
 *
 *	struct monitor_flow flow = {}; // of the packet
 *
 *	if (my_interval && !monitor_flow_is_news(&my_flows, &flow, tcp_flags, my_interval)) {
 *		monitor_count_aggregated(&my_events_suppressed, MY_TYPE);
 *		return;
 *	}
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* A flow at one place of one device, in one direction. What it does not have is 0. */
struct monitor_flow {
	__be32 source[4]; /* an IPv4 address is in the first */
	__be32 destination[4];
	__be16 source_port; /* of ICMP: type and code */
	__be16 destination_port;
	__u32 ifindex;
	__u8 family; /* 4 or 6 */
	__u8 protocol;
	__u8 place; /* the observation point, which has the direction */
	__u8 pad;
};

struct monitor_flow_state {
	__u64 traced_at; /* by the clock of bpf_ktime_get_ns */
	__u32 tcp_flags; /* all that were seen */
	__u32 pad;
};

#define MONITOR_TCP_FIN 0x01
#define MONITOR_TCP_SYN 0x02
#define MONITOR_TCP_RST 0x04

/* monitor_flow_is_news tells whether a packet of a flow is to be traced, with the flags of its TCP header, 0 if it has
 * none, and the interval in nanoseconds.
 */
static __always_inline int monitor_flow_is_news(void *flows, const struct monitor_flow *flow, __u32 tcp_flags, __u64 interval)
{
	struct monitor_flow_state *state = bpf_map_lookup_elem(flows, flow);
	__u64 now = bpf_ktime_get_ns();

	if (!state) {
		struct monitor_flow_state first = { .traced_at = now, .tcp_flags = tcp_flags };

		bpf_map_update_elem(flows, flow, &first, BPF_ANY); /* what can't be remembered is traced again */
		return 1;
	}
	if (!(tcp_flags & (MONITOR_TCP_FIN | MONITOR_TCP_SYN | MONITOR_TCP_RST)) &&
	    !(tcp_flags & ~state->tcp_flags) && now - state->traced_at < interval)
		return 0;
	state->tcp_flags |= tcp_flags;
	state->traced_at = now;
	return 1;
}
