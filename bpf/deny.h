// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// Deny rules: a short table that is walked from the start.

#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>

#include "packet.h"

#define MAX_DENY_RULES 64

/* A rule matches a packet that all of its fields match. */
struct deny_rule {
	__be32 addr[4]; /* remote address, as in struct packet; 0 where mask is 0 */
	__be32 mask[4];
	__u16 dst_port;  /* 0: any */
	__u8 proto;      /* 0: any; IPPROTO_ICMP: of both families */
	__u8 family;     /* 4, which IPv4-mapped addresses are, too, 6; 0: any */
	__u8 match_type; /* of the policy verdict */
	__u8 number;     /* in the policy verdict, from 1 */
	__u8 pad[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_DENY_RULES);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__type(key, __u32);
	__type(value, struct deny_rule);
} deny_rules SEC(".maps");

const volatile __u32 deny_rule_count = 0;

static __always_inline bool deny_rule_matches(const struct deny_rule *rule, const struct packet *pkt)
{
	__u8 proto = pkt->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : pkt->proto;

	bool mapped = rule->family == 4 && pkt->mapped;

	if (rule->family && rule->family != pkt->family && !mapped)
		return false;
	if (rule->proto && rule->proto != proto)
		return false;
	if (rule->proto == IPPROTO_ICMP && pkt->spared)
		return false;
	if (rule->dst_port && rule->dst_port != pkt->dst_port)
		return false;
	if (mapped)
		return (pkt->remote[3] & rule->mask[0]) == rule->addr[0];
	for (int i = 0; i < 4; i++)
		if ((pkt->remote[i] & rule->mask[i]) != rule->addr[i])
			return false;
	return true;
}

/* deny_rule_of returns the first rule that matches pkt, or NULL. */
static __always_inline const struct deny_rule *deny_rule_of(const struct packet *pkt)
{
	const struct deny_rule *rule;

	if (!pkt->family || pkt->spared == SPARED_BY_ALL_RULES)
		return NULL;
	for (__u32 i = 0; i < MAX_DENY_RULES && i < deny_rule_count; i++) {
		__u32 key = i;

		rule = bpf_map_lookup_elem(&deny_rules, &key);
		if (rule && deny_rule_matches(rule, pkt))
			return rule;
	}
	return NULL;
}
