// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// Which packets are traced if traces are aggregated: by flow, of the outermost IP header.

#pragma once

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "aggregate.h"
#include "emit.h"
#include "events.h"
#include "packet.h"

/* At most one trace of a flow in so many nanoseconds says nothing new; 0: all packets are traced. The loader sets it, and
 * how many flows are remembered.
 */
const volatile __u64 trace_interval = 0;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct monitor_flow);
	__type(value, struct monitor_flow_state);
} traced_flows SEC(".maps");

/* What headers begin with: ports and, in TCP, flags. */
struct transport {
	__be16 source_port;
	__be16 destination_port;
	__u8 between[9];
	__u8 tcp_flags;
};

#define PORTS_LEN 4
#define ICMP_TYPE_LEN 2

/* fill_addresses returns false if there are none. */
static __always_inline bool fill_addresses(struct __sk_buff *skb, struct packet *pkt, struct monitor_flow *flow)
{
	__be32 ipv4[2];

	switch (pkt->family) {
	case 4:
		if (!load_at(skb, pkt, pkt->ip_off + offsetof(struct iphdr, saddr), ipv4, sizeof(ipv4)))
			return false;
		flow->source[0] = ipv4[0];
		flow->destination[0] = ipv4[1];
		return true;
	case 6:
		return load_at(skb, pkt, pkt->ip_off + offsetof(struct ipv6hdr, saddr), flow->source,
			       sizeof(flow->source) + sizeof(flow->destination));
	default:
		return false;
	}
}

/* fill_transport fills what the packet has of a transport header, and returns the flags of TCP. */
static __always_inline __u8 fill_transport(struct __sk_buff *skb, struct packet *pkt, struct monitor_flow *flow)
{
	struct transport h = {};

	if (!pkt->transport_off)
		return 0;
	switch (pkt->proto) {
	case IPPROTO_TCP:
		if (!load_at(skb, pkt, pkt->transport_off, &h, sizeof(h)))
			load_at(skb, pkt, pkt->transport_off, &h, PORTS_LEN); /* a fragment may have no more */
		break;
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		load_at(skb, pkt, pkt->transport_off, &h, PORTS_LEN);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		load_at(skb, pkt, pkt->transport_off, &h, ICMP_TYPE_LEN);
		break;
	}
	flow->source_port = h.source_port;
	flow->destination_port = h.destination_port;
	return h.tcp_flags;
}

/* is_news tells whether a packet says something new of its flow. What is not IP has none.
 *
 * It is neither inlined nor static, so that the verifier looks at it by itself.
 */
__noinline int is_news(struct __sk_buff *skb, struct packet *pkt, __u32 point)
{
	struct monitor_flow flow = { .ifindex = skb->ifindex, .place = point };
	__u8 tcp_flags;

	if (!pkt || !fill_addresses(skb, pkt, &flow))
		return true;
	flow.family = pkt->family;
	flow.protocol = pkt->proto;
	tcp_flags = fill_transport(skb, pkt, &flow);
	return monitor_flow_is_news(&traced_flows, &flow, tcp_flags, trace_interval);
}

/* worth_tracing tells whether a packet is traced that somebody wants traced, and counts it if not. */
static __always_inline bool worth_tracing(struct __sk_buff *skb, struct packet *pkt, enum observation_point point)
{
	if (!trace_interval || is_news(skb, pkt, point))
		return true;
	monitor_count_aggregated(&events_suppressed, EVENT_TRACE);
	return false;
}
