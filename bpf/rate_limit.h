/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A token bucket for events: so many a second are made, and so many at once after a while with fewer. Any datapath
 * can include this. There is one bucket for all CPUs, and one for each message type, so that a flood of one type
 * takes nothing away from another one.
 *
 * Why not one for each CPU, which nobody else touches: packets of one flow come on one CPU, so that a limit for the
 * machine, divided by its CPUs, would suppress a flow at a fraction of it, and an undivided one would be as many times
 * as high as there are CPUs. And sharing costs next to nothing where it matters: a bucket is one number, the
 * time at which it will be full again. A program that finds it empty only reads that; it writes it only together with
 * an event that is made, which costs several times as much and of which there are no more than the limit allows. So
 * under a flood the number stays in the caches of all CPUs.
 *
 * It is exact: of tokens taken at the same time each is taken once. Only a program that others get in front of
 * MONITOR_RATE_TRIES times in a row, within the same few hundred nanoseconds, finds the bucket empty though it may not
 * be. What it finds empty is to be counted, see suppressed.h, which is exact in any case.
 *
 *	const volatile struct monitor_rate my_rate; // the loader sets it; interval 0: no limit
 *	struct monitor_bucket my_bucket;
 *
 *	if (my_rate.interval && !monitor_take(&my_bucket, &my_rate)) {
 *		monitor_count_rate_limited(&my_events_suppressed, MY_TYPE);
 *		return;
 *	}
 *
 * Whether somebody wants the event (wanted.h) and whether it says anything new (aggregate.h) is asked before that: what
 * is not made for another reason takes no token. It needs Linux 5.12 and clang's -mcpu=v3, for BPF_CMPXCHG.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct monitor_rate {
	__u64 interval; /* nanoseconds for each event, 0: no limit */
	__u64 burst;    /* nanoseconds for all events that may be made at once: interval times their number */
};

/* A cache line of its own, so that nothing else is moved from CPU to CPU with it. */
struct monitor_bucket {
	__u64 full_at; /* by the clock of bpf_ktime_get_ns */
} __attribute__((aligned(64)));

#define MONITOR_RATE_TRIES 8

/* monitor_take_from takes a token from a bucket that is full at a time, and returns 0 if there is none. */
static __always_inline int monitor_take_from(__u64 *bucket, const volatile struct monitor_rate *rate)
{
	__u64 now = bpf_ktime_get_ns(), interval = rate->interval, burst = rate->burst;
	__u64 full_at = *(volatile __u64 *)bucket, seen;

	for (int i = 0; i < MONITOR_RATE_TRIES; i++) {
		__u64 next = (full_at > now ? full_at : now) + interval;

		if (next > now + burst)
			return 0;
		seen = __sync_val_compare_and_swap(bucket, full_at, next);
		if (seen == full_at)
			return 1;
		full_at = seen;
	}
	return 0;
}

/* monitor_take is monitor_take_from for a bucket with a cache line of its own. */
static __always_inline int monitor_take(struct monitor_bucket *bucket, const volatile struct monitor_rate *rate)
{
	return monitor_take_from(&bucket->full_at, rate);
}
