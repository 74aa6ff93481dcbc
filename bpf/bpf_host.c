// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

// Programs for TCX ingress and egress of a device. They report every packet to
// the events map, and drop those that a deny rule matches.
//
// The file has the name of the one that clients know as FILE_BPF_HOST, so that
// the file and line in a drop event lead to the right place.

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "connection.h"
#include "deny.h"
#include "emit.h"
#include "events.h"
#include "flow.h"
#include "link.h"
#include "packet.h"
#include "traffic.h"
#include "wanted_packet.h"

/* packet_flags returns the flags of trace and drop events. */
static __always_inline __u8 packet_flags(const struct packet *pkt)
{
	return (pkt->family == 6 ? FLAG_IPV6 : 0) | (pkt->l3 ? FLAG_L3_DEVICE : 0) | pkt->tunnel;
}

/* set_mark adds the packet's mark to a trace, as far as that has room for it: where it need not say by a flag that the packet is
 * IPv6, which its Ethernet header says as well.
 */
static __always_inline void set_mark(struct trace_event *trace, const struct __sk_buff *skb, const struct packet *pkt)
{
	const __u8 marked[] = MARKED;

	if (!skb->mark || (trace->flags & FLAG_IPV6 && pkt->l3))
		return;
	trace->mark = skb->mark;
	trace->mark_ipv6 = trace->flags & FLAG_IPV6;
	trace->flags &= ~FLAG_IPV6;
	__builtin_memcpy(trace->marked, marked, sizeof(marked));
}

static __always_inline void emit_trace(struct __sk_buff *skb, struct packet *pkt, enum observation_point point)
{
	if (!worth_tracing(skb, pkt, point) || !allowed(EVENT_TRACE))
		return;

	union event event = {
		.trace = {
			.header.type = EVENT_TRACE,
			.header.subtype = point,
			.header.version = TRACE_VERSION,
			.reason = connection_state(skb, pkt, point == TRACE_FROM_NETWORK),
			.flags = packet_flags(pkt),
			.ifindex = skb->ifindex,
		},
	};

	set_mark(&event.trace, skb, pkt);
	emit(skb, pkt, &event, sizeof(event.trace));
}

static __always_inline void emit_drop(struct __sk_buff *skb, const struct packet *pkt, __u16 line)
{
	if (!allowed(EVENT_DROP))
		return;

	union event event = {
		.drop = {
			.header.type = EVENT_DROP,
			.header.subtype = DROP_POLICY_DENIED,
			.header.version = DROP_VERSION,
			.line = line,
			.file = FILE_BPF_HOST,
			.ifindex = skb->ifindex,
			.flags = packet_flags(pkt),
		},
	};

	emit(skb, pkt, &event, sizeof(event.drop));
}

static __always_inline void emit_policy_denied(struct __sk_buff *skb, const struct packet *pkt, bool ingress,
					      const struct deny_rule *rule)
{
	if (!allowed(EVENT_POLICY_VERDICT))
		return;

	union event event = {
		.policy_verdict = {
			.header.type = EVENT_POLICY_VERDICT,
			.verdict = -DROP_POLICY_DENIED,
			.dst_port = pkt->dst_port,
			.proto = pkt->proto,
			.flags = (ingress ? POLICY_INGRESS : POLICY_EGRESS) |
				 (pkt->family == 6 ? POLICY_FLAG_IPV6 : 0) |
				 rule->match_type << POLICY_MATCH_SHIFT |
				 (pkt->l3 ? POLICY_FLAG_L3_DEVICE : 0),
			.ifindexed = IFINDEXED,
			.cookie = rule->number,
			.ifindex = skb->ifindex,
		},
	};

	emit(skb, pkt, &event, sizeof(event.policy_verdict));
}

static __always_inline int handle(struct __sk_buff *skb, bool ingress, bool l3)
{
	const struct deny_rule *rule;
	struct packet pkt = {};
	bool trace = wants(EVENT_TRACE);
	struct traffic_count *count = count_packet(skb, ingress);

	if (!trace && !deny_rule_count)
		return TC_ACT_UNSPEC;

	parse_packet(skb, ingress, l3, &pkt);
	trace = trace && wants_event(skb, &pkt, EVENT_TRACE);
	if (ingress && trace)
		emit_trace(skb, &pkt, TRACE_FROM_NETWORK);

	rule = deny_rule_of(&pkt);
	if (rule) {
		if (count)
			count->denied++;
		if (wants_event(skb, &pkt, EVENT_POLICY_VERDICT))
			emit_policy_denied(skb, &pkt, ingress, rule);
		if (monitor_wants_drop(&events_wanted, EVENT_DROP, DROP_POLICY_DENIED) && wants_event(skb, &pkt, EVENT_DROP))
			emit_drop(skb, &pkt, __LINE__);
		return TC_ACT_SHOT;
	}

	if (!ingress && trace)
		emit_trace(skb, &pkt, TRACE_TO_NETWORK);
	return TC_ACT_UNSPEC; /* to the next program */
}

SEC("tcx/ingress")
int from_network(struct __sk_buff *skb)
{
	return handle(skb, true, false);
}

SEC("tcx/egress")
int to_network(struct __sk_buff *skb)
{
	return handle(skb, false, false);
}

SEC("tcx/ingress")
int from_network_l3(struct __sk_buff *skb)
{
	return handle(skb, true, true);
}

SEC("tcx/egress")
int to_network_l3(struct __sk_buff *skb)
{
	return handle(skb, false, true);
}

char _license[] SEC("license") = "Dual BSD/GPL";
