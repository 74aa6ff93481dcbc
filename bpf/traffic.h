// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// Counting all packets of the devices, whether anybody watches or not.

#pragma once

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct traffic_key {
	__u32 ifindex;
	__u32 egress; /* 1, else 0 */
};

/* Of each CPU. Nothing interrupts a program here to run one of the same device and direction, so the additions need not be atomic. */
struct traffic_count {
	__u64 packets;
	__u64 bytes; /* from the first header that the device has */
	__u64 denied; /* packets that a rule dropped */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct traffic_key);
	__type(value, struct traffic_count);
} traffic SEC(".maps");

/* count_packet counts a packet, and returns where one is counted that is denied, NULL if there are too many devices. */
static __always_inline struct traffic_count *count_packet(struct __sk_buff *skb, bool ingress)
{
	struct traffic_key key = { .ifindex = skb->ifindex, .egress = !ingress };
	struct traffic_count *count = bpf_map_lookup_elem(&traffic, &key);

	if (!count) {
		struct traffic_count none = {};

		bpf_map_update_elem(&traffic, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&traffic, &key);
		if (!count)
			return NULL;
	}
	count->packets += skb->gso_segs ?: 1;
	count->bytes += skb->len;
	return count;
}
