/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the monitor wants. Any datapath can include this: a program that looks here before it builds an
 * event makes none that nobody wants, at the price of a load and two branches. It needs bpf/bpf_helpers.h and
 * bpf/bpf_endian.h.
 *
 * The map is pinned beside the events map, at its path with "_wanted" behind it, and before that one. As long as no
 * agent has written to it, everything is wanted. The agent writes to it when a subscriber comes, before it
 * says that it is subscribed, and when one goes. When it ends it writes version 0: others may read the events who know
 * of no such map. Without the map the agent works as it does with it: it leaves out by itself what is not wanted.
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_ARRAY);
 *		__uint(max_entries, 1);
 *		__type(key, __u32);
 *		__type(value, struct monitor_wanted);
 *	} cilium_events_wanted SEC(".maps");
 *
 *	if (!monitor_wants(&cilium_events_wanted, 4))
 *		return;
 *
 * That is all that a program has to do. One that knows more of its events may ask for less of them:
 *
 *	if (!monitor_wants_drop(&cilium_events_wanted, 1, reason))
 *		return;
 *
 *	if (monitor_refines(&cilium_events_wanted, 4)) {
 *		struct monitor_packet packet = { .src = ..., .dst = ... };
 *
 *		if (!monitor_wants_packet(&cilium_events_wanted, 4, &packet))
 *			return;
 *	}
 *
 * A packet has what any of its headers has: rules can be about what a tunnel carries, what an ICMP error is
 * about, or an extension header. So a program asks only if it knows that struct monitor_packet says all there is. Packets
 * that are not IP, that have other headers or are malformed are wanted.
 */
#pragma once

/* How many rules there are at most. Where those who are subscribed have more, all packets are wanted. */
#define MONITOR_WANTED_RULES 32

/* The port of packets that have none. */
#define MONITOR_NO_PORT 0x10000

/* A rule matches packets of which all of this is true. IPv4 addresses are written as IPv4-mapped ones of IPv6. */
struct monitor_wanted_rule {
	__be32 addr[4]; /* source or destination is addr, where mask has bits; 0 where it has none */
	__be32 mask[4];
	__u32 first_port; /* source or destination is one of these; up to MONITOR_NO_PORT if it can be any */
	__u32 last_port;
	__u8 protocol;
	__u8 protocol_mask; /* 0xff, 0 if it can be any protocol */
	__u8 only_ipv6; /* 1, 0 if it can be a packet of IPv4 */
	__u8 reserved;
};

struct monitor_wanted {
	__u32 version; /* 2, 0 while no agent says anything; fields are only ever added at the end */
	__u32 reserved;
	__u64 types[4]; /* bit n % 64 of types[n / 64]: somebody wants message type n */

	/* Since version 2: an older agent leaves them as they are. */
	__u64 refined[4]; /* of these types, which are among those, only events whose packet matches a rule */
	__u64 drop_reasons[4]; /* of drops only those for these reasons */
	__u32 generation; /* another one whenever the rules change */
	__u32 rule_count;
	struct monitor_wanted_rule rules[MONITOR_WANTED_RULES];
};

/* What a packet has. */
struct monitor_packet {
	__be32 src[4], dst[4]; /* of IPv6; IPv4-mapped for IPv4 */
	__u32 src_port, dst_port; /* in host byte order; MONITOR_NO_PORT for none */
	__u8 protocol;
	__u8 ipv6; /* 1, 0 for IPv4 */
};

/* Whether bit n is set. */
static __always_inline int monitor_has(const __u64 *set, __u8 n)
{
	return *(const volatile __u64 *)&set[n / 64] >> (n % 64) & 1;
}

/* Whether anybody wants events of a message type. */
static __always_inline int monitor_wants(const void *map, __u8 type)
{
	__u32 key = 0;
	const struct monitor_wanted *w = bpf_map_lookup_elem((void *)map, &key);

	return !w || !w->version || monitor_has(w->types, type);
}

/* Whether anybody wants drops, which are of a message type, for a reason. */
static __always_inline int monitor_wants_drop(const void *map, __u8 type, __u8 reason)
{
	__u32 key = 0;
	const struct monitor_wanted *w = bpf_map_lookup_elem((void *)map, &key);

	return !w || !w->version ||
	       (monitor_has(w->types, type) && (w->version < 2 || monitor_has(w->drop_reasons, reason)));
}

/* Whether of events of a message type only those are wanted whose packet matches a rule. */
static __always_inline int monitor_refines(const void *map, __u8 type)
{
	__u32 key = 0;
	const struct monitor_wanted *w = bpf_map_lookup_elem((void *)map, &key);

	return w && w->version >= 2 && monitor_has(w->refined, type);
}

/* Whether a packet misses a rule. There are no branches that the verifier would have to follow for each rule. */
static __always_inline int monitor_misses(const struct monitor_wanted_rule *rule, const struct monitor_packet *packet)
{
	__u64 src_port = packet->src_port, dst_port = packet->dst_port, first = rule->first_port, last = rule->last_port;
	__u32 src = 0, dst = 0, miss;

	for (int i = 0; i < 4; i++) {
		src |= (packet->src[i] & rule->mask[i]) ^ rule->addr[i];
		dst |= (packet->dst[i] & rule->mask[i]) ^ rule->addr[i];
	}
	miss = (packet->protocol ^ rule->protocol) & rule->protocol_mask;
	miss |= rule->only_ipv6 & ~packet->ipv6;
	/* The sign of a difference, if a port is outside of the range. */
	miss |= (((src_port - first) | (last - src_port)) & ((dst_port - first) | (last - dst_port))) >> 63;
	return miss || (src && dst);
}

/* Whether an event of a message type is wanted by its packet. While the rules are being changed, it is. */
static __always_inline int monitor_wants_packet(const void *map, __u8 type, const struct monitor_packet *packet)
{
	__u32 key = 0, generation;
	const struct monitor_wanted *w = bpf_map_lookup_elem((void *)map, &key);

	if (!w || w->version < 2)
		return 1;
	generation = *(const volatile __u32 *)&w->generation;
	for (__u32 i = 0; i < MONITOR_WANTED_RULES && i < w->rule_count; i++)
		if (!monitor_misses(&w->rules[i], packet))
			return 1;
	return !monitor_has(w->refined, type) || *(const volatile __u32 *)&w->generation != generation;
}
