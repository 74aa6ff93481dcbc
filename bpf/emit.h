// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// Writing events to the events map, with the start of the packet as it is on the wire.

#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "events.h"
#include "packet.h"
#include "wanted.h"

/* What is captured of a simple packet, and at most. The difference is room for tunnels with
 * options, extension headers and the like.
 */
#define CAPTURE_LEN 128
#define MAX_CAPTURE_LEN 512

/* The addresses of an Ethernet header: the outermost VLAN tag follows them. */
#define MAC_LEN (2 * ETH_ALEN)

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} cilium_events SEC(".maps"); /* the loader makes it as large as there are possible CPUs */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct monitor_wanted);
} events_wanted SEC(".maps");

#define VLAN_TAG_LEN 4

/* Where an event and its frame with the tag, which follows the event, are put together. */
struct tagged_event {
	union event event;
	__u8 frame[MAC_LEN + VLAN_TAG_LEN + MAX_CAPTURE_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tagged_event);
} tagged_events SEC(".maps");

/* write_tagged writes the event with the outermost VLAN tag, which the kernel took out of the
 * packet, where it is on the wire. It returns false if it wrote nothing.
 */
static __noinline bool write_tagged(struct __sk_buff *skb, const union event *event, __u32 size, __u32 capture)
{
	__be16 tag[] = { skb->vlan_proto, bpf_htons(skb->vlan_tci) };
	struct tagged_event *tagged;
	__u32 key = 0, rest;
	__u8 *frame;

	tagged = bpf_map_lookup_elem(&tagged_events, &key);
	if (!tagged || size > sizeof(*event) || capture <= MAC_LEN)
		return false;
	/* What is behind the addresses: from 1 to MAX_CAPTURE_LEN, as all verifiers understand it. */
	rest = ((capture - MAC_LEN - 1) & (MAX_CAPTURE_LEN - 1)) + 1;

	tagged->event = *event;
	tagged->event.header.len_orig += VLAN_TAG_LEN;
	tagged->event.header.len_cap += VLAN_TAG_LEN;
	frame = (__u8 *)tagged + size;
	if (bpf_skb_load_bytes(skb, 0, frame, MAC_LEN))
		return false;
	__builtin_memcpy(frame + MAC_LEN, tag, VLAN_TAG_LEN);
	if (bpf_skb_load_bytes(skb, MAC_LEN, frame + MAC_LEN + VLAN_TAG_LEN, rest))
		return false;
	bpf_perf_event_output(skb, &cilium_events, BPF_F_CURRENT_CPU, tagged, size + MAC_LEN + VLAN_TAG_LEN + rest);
	return true;
}

/* wants tells whether anybody wants events of a type. */
static __always_inline bool wants(enum event_type type)
{
	return monitor_wants(&events_wanted, type);
}

/* emit completes the header and writes the event with the start of the packet.
 * It is not inlined, so that the events' layouts are in BTF.
 *
 * The result does not matter: without a reader there is nothing to do, and the
 * kernel counts the events for which the ring has no room.
 */
static __noinline int emit(struct __sk_buff *skb, const struct packet *pkt, union event *event, __u32 size)
{
	__u64 capture = CAPTURE_LEN + pkt->extra;

	if (capture > MAX_CAPTURE_LEN)
		capture = MAX_CAPTURE_LEN;
	if (capture > skb->len)
		capture = skb->len;

	event->header.hash = bpf_get_hash_recalc(skb);
	event->header.len_orig = skb->len;
	event->header.len_cap = capture;
	if (!skb->vlan_present || pkt->l3 || !write_tagged(skb, event, size, capture))
		bpf_perf_event_output(skb, &cilium_events, BPF_F_CURRENT_CPU | capture << 32, event, size);
	return 0;
}
