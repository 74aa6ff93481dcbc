// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/* Counting the events that a ring buffer has no room for.
 *
 * The kernel counts what a perf ring buffer has no room for, but not what a ring buffer
 * (BPF_MAP_TYPE_RINGBUF) has none for. So whoever writes into one does: into a map like this, which is
 * pinned beside the ring buffer, at its path with "_lost" behind. The monitor reads it and tells its
 * subscribers. Without it, it says that losses are unknown.
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
 *		__uint(max_entries, 1);
 *		__type(key, __u32);
 *		__type(value, __u64);
 *	} my_events_lost SEC(".maps");
 *
 *	event = bpf_ringbuf_reserve(&my_events, sizeof(*event), 0);
 *	if (!event) {
 *		count_lost(&my_events_lost);
 *		return;
 *	}
 */

#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* count_lost counts an event. A program can be interrupted by another one on the same CPU, hence the
 * atomic addition.
 */
static __always_inline void count_lost(void *counter)
{
	__u32 key = 0;
	__u64 *lost;

	lost = bpf_map_lookup_elem(counter, &key);
	if (lost)
		__sync_fetch_and_add(lost, 1);
}
