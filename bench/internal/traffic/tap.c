// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

// Programs at a device that report each packet as the embedded datapath does, with the time in the
// event, and measure what that takes.

#include <stdbool.h>
#include <linux/errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "../../../bpf/events.h"

#define CAPTURE_LEN 128

struct tap_counters {
	__u64 written;
	__u64 no_reader;
	__u64 no_space;
	__u64 failed;
	__u64 nanoseconds;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} cilium_events SEC(".maps"); /* replaced by that of an emitter */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tap_counters);
} counters SEC(".maps");

static __always_inline int report(struct __sk_buff *skb, __u8 observation_point)
{
	__u64 cap = skb->len < CAPTURE_LEN ? skb->len : CAPTURE_LEN;
	struct trace_event event = {
		.header.type = EVENT_TRACE,
		.header.subtype = observation_point,
		.header.len_orig = skb->len,
		.header.len_cap = cap,
		.header.version = TRACE_VERSION,
		.reason = TRACE_REASON_UNKNOWN,
		.ifindex = skb->ifindex,
	};
	struct tap_counters *c;
	__u32 zero = 0;
	__u64 start;
	long err;

	c = bpf_map_lookup_elem(&counters, &zero);
	if (!c)
		return TC_ACT_UNSPEC;
	start = bpf_ktime_get_ns();
	event.orig_ip = start;
	event.mark = start >> 32; /* for nobody but the bench: it is not MARKED */
	err = bpf_perf_event_output(skb, &cilium_events, BPF_F_CURRENT_CPU | cap << 32, &event, sizeof(event));

	/* The counters are per CPU, but a softirq can interrupt a system call that sends. */
	__sync_fetch_and_add(&c->nanoseconds, bpf_ktime_get_ns() - start);
	switch (err) {
	case 0:
		__sync_fetch_and_add(&c->written, 1);
		break;
	case -ENOENT:
		__sync_fetch_and_add(&c->no_reader, 1);
		break;
	case -ENOSPC:
		__sync_fetch_and_add(&c->no_space, 1);
		break;
	default:
		__sync_fetch_and_add(&c->failed, 1);
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int tap_ingress(struct __sk_buff *skb)
{
	return report(skb, TRACE_FROM_NETWORK);
}

SEC("tc")
int tap_egress(struct __sk_buff *skb)
{
	return report(skb, TRACE_TO_NETWORK);
}

char _license[] SEC("license") = "Dual BSD/GPL";
