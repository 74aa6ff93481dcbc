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

#include "deny.h"
#include "events.h"
#include "packet.h"

#define CAPTURE_LEN 128

/* UDP ports as IANA assigns them, and the one that Linux and Cilium use for VXLAN. */
#define VXLAN_PORT 4789
#define VXLAN_PORT_LINUX 8472
#define GENEVE_PORT 6081

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} cilium_events SEC(".maps"); /* the loader makes it as large as there are possible CPUs */

/* emit completes the header and writes the event with the start of the packet.
 * It is not inlined, so that the events' layouts are in BTF.
 *
 * The result does not matter: without a reader there is nothing to do, and the
 * kernel counts the events for which the ring has no room.
 */
static __noinline int emit(struct __sk_buff *skb, union event *event, __u32 size)
{
	__u64 len = skb->len < CAPTURE_LEN ? skb->len : CAPTURE_LEN;

	event->header.hash = bpf_get_hash_recalc(skb);
	event->header.len_orig = skb->len;
	event->header.len_cap = len;
	bpf_perf_event_output(skb, &cilium_events, BPF_F_CURRENT_CPU | len << 32, event, size);
	return 0;
}

static __always_inline void emit_trace(struct __sk_buff *skb, enum observation_point point, __u8 flags)
{
	union event event = {
		.trace = {
			.header.type = EVENT_TRACE,
			.header.subtype = point,
			.header.version = TRACE_VERSION,
			.reason = TRACE_REASON_UNKNOWN,
			.flags = flags,
			.ifindex = skb->ifindex,
		},
	};

	emit(skb, &event, sizeof(event.trace));
}

static __always_inline void emit_drop(struct __sk_buff *skb, __u16 line, __u8 flags)
{
	union event event = {
		.drop = {
			.header.type = EVENT_DROP,
			.header.subtype = DROP_POLICY_DENIED,
			.header.version = DROP_VERSION,
			.line = line,
			.file = FILE_BPF_HOST,
			.ifindex = skb->ifindex,
			.flags = flags,
		},
	};

	emit(skb, &event, sizeof(event.drop));
}

static __always_inline void emit_policy_denied(struct __sk_buff *skb, const struct packet *pkt, __u8 flags)
{
	union event event = {
		.policy_verdict = {
			.header.type = EVENT_POLICY_VERDICT,
			.verdict = -DROP_POLICY_DENIED,
			.dst_port = pkt->dst_port,
			.proto = pkt->proto,
			.flags = flags,
		},
	};

	emit(skb, &event, sizeof(event.policy_verdict));
}

/* tunnel_flag tells a tunnel's packets by their destination port. */
static __always_inline __u8 tunnel_flag(const struct packet *pkt)
{
	if (pkt->proto != IPPROTO_UDP)
		return 0;
	switch (pkt->dst_port) {
	case VXLAN_PORT:
	case VXLAN_PORT_LINUX:
		return FLAG_VXLAN;
	case GENEVE_PORT:
		return FLAG_GENEVE;
	default:
		return 0;
	}
}

static __always_inline int handle(struct __sk_buff *skb, bool ingress, bool l3)
{
	const struct deny_rule *rule;
	struct packet pkt = {};
	__u8 flags, verdict_flags;

	parse_packet(skb, ingress, l3, &pkt);
	flags = (pkt.family == 6 ? FLAG_IPV6 : 0) | (l3 ? FLAG_L3_DEVICE : 0) | tunnel_flag(&pkt);

	if (ingress)
		emit_trace(skb, TRACE_FROM_NETWORK, flags);

	rule = deny_rule_of(&pkt);
	if (rule) {
		verdict_flags = (ingress ? POLICY_INGRESS : POLICY_EGRESS) |
				(pkt.family == 6 ? POLICY_FLAG_IPV6 : 0) |
				rule->match_type << POLICY_MATCH_SHIFT |
				(l3 ? POLICY_FLAG_L3_DEVICE : 0);
		emit_policy_denied(skb, &pkt, verdict_flags);
		emit_drop(skb, __LINE__, flags);
		return TC_ACT_SHOT;
	}

	if (!ingress)
		emit_trace(skb, TRACE_TO_NETWORK, flags);
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
