/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the monitor wants. Any datapath can include this: a program that looks here before it builds an
 * event makes none that nobody wants, at the price of a load and two branches.
 *
 * The map is pinned beside the events map, at its path with "_wanted" behind it, and before that one. As long as no
 * agent has written to it, everything is wanted. The agent writes to it when a subscriber comes, before it
 * says that it is subscribed, and when one goes. When it ends it writes zeros: others may read the events who know
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
 */
#pragma once

struct monitor_wanted {
	__u32 version; /* 1, 0 while no agent says anything; fields are only ever added at the end */
	__u32 reserved;
	__u64 types[4]; /* bit n % 64 of types[n / 64]: somebody wants message type n */
};

/* Whether anybody wants events of a message type. */
static __always_inline int monitor_wants(const void *map, __u8 type)
{
	__u32 key = 0;
	const struct monitor_wanted *w = bpf_map_lookup_elem((void *)map, &key);

	return !w || !w->version || w->types[type / 64] >> (type % 64) & 1;
}
