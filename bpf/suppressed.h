/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Counting the events that a program does not make although somebody wants them: since there are too many
 * (rate_limit.h), or since they say nothing new (aggregate.h). Any datapath can include this.
 *
 * The map is pinned beside the events map, at its path with "_suppressed" behind it, and before that one. Entry n
 * counts the events of message type n. The monitor reads it and tells its subscribers, in the order of the events,
 * how many its rate limit has suppressed; what was aggregated is no loss: it is in the monitor's statistics only.
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
 *		__uint(max_entries, 5); // as many as the highest message type needs, 256 at most
 *		__type(key, __u32);
 *		__type(value, struct monitor_suppressed);
 *	} my_events_suppressed SEC(".maps");
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct monitor_suppressed {
	__u64 rate_limited;
	__u64 aggregated;
};

/* monitor_count_rate_limited counts an event of a message type. A program can be interrupted by another one on
 * the same CPU, hence the atomic addition.
 */
static __always_inline void monitor_count_rate_limited(void *counters, __u32 type)
{
	struct monitor_suppressed *count = bpf_map_lookup_elem(counters, &type);

	if (count)
		__sync_fetch_and_add(&count->rate_limited, 1);
}

/* monitor_count_aggregated does so for the other reason. */
static __always_inline void monitor_count_aggregated(void *counters, __u32 type)
{
	struct monitor_suppressed *count = bpf_map_lookup_elem(counters, &type);

	if (count)
		__sync_fetch_and_add(&count->aggregated, 1);
}
