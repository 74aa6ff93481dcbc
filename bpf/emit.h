// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// Writing events to the events map, with the start of the packet as it is on the wire.

#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "events.h"
#include "packet.h"
#include "rate_limit.h"
#include "ringbuf_losses.h"
#include "suppressed.h"
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

/* The events map in place of that one, if the loader says so, and the counter of its losses. The loader
 * sets its size.
 */
const volatile bool use_ringbuf = false;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events_ringbuf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} events_lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct monitor_wanted);
} events_wanted SEC(".maps");

/* The rate limits, by message type, which the loader sets, and what they and aggregation suppress. */
const volatile struct monitor_rate rate_limits[EVENT_TYPES] = {};

struct monitor_bucket rate_buckets[EVENT_TYPES];

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_TYPES);
	__type(key, __u32);
	__type(value, struct monitor_suppressed);
} events_suppressed SEC(".maps");

#define VLAN_TAG_LEN 4

/* Where an event and its frame, which follows the event, are put together. */
struct framed_event {
	union event event;
	__u8 frame[MAC_LEN + VLAN_TAG_LEN + MAX_CAPTURE_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct framed_event);
} framed_events SEC(".maps");

/* write_framed writes an event with its frame, of so many bytes. */
static __always_inline void write_framed(struct __sk_buff *skb, struct framed_event *framed, __u32 size)
{
	if (!use_ringbuf)
		bpf_perf_event_output(skb, &cilium_events, BPF_F_CURRENT_CPU, framed, size);
	else if (bpf_ringbuf_output(&events_ringbuf, framed, size, 0))
		count_lost(&events_lost);
}

/* write_tagged writes the event with the outermost VLAN tag, which the kernel took out of the
 * packet, where it is on the wire. It returns false if it wrote nothing.
 */
static __noinline bool write_tagged(struct __sk_buff *skb, const union event *event, __u32 size, __u32 capture)
{
	__be16 tag[] = { skb->vlan_proto, bpf_htons(skb->vlan_tci) };
	struct framed_event *framed;
	__u32 key = 0, rest;
	__u8 *frame;

	framed = bpf_map_lookup_elem(&framed_events, &key);
	if (!framed || size > sizeof(*event) || capture <= MAC_LEN)
		return false;
	/* What is behind the addresses: from 1 to MAX_CAPTURE_LEN, as all verifiers understand it. */
	rest = ((capture - MAC_LEN - 1) & (MAX_CAPTURE_LEN - 1)) + 1;

	framed->event = *event;
	framed->event.header.len_orig += VLAN_TAG_LEN;
	framed->event.header.len_cap += VLAN_TAG_LEN;
	frame = (__u8 *)framed + size;
	if (bpf_skb_load_bytes(skb, 0, frame, MAC_LEN))
		return false;
	__builtin_memcpy(frame + MAC_LEN, tag, VLAN_TAG_LEN);
	if (bpf_skb_load_bytes(skb, MAC_LEN, frame + MAC_LEN + VLAN_TAG_LEN, rest))
		return false;
	write_framed(skb, framed, size + MAC_LEN + VLAN_TAG_LEN + rest);
	return true;
}

/* write_plain writes the event with the start of the packet. A ring buffer takes both in one piece. */
static __noinline int write_plain(struct __sk_buff *skb, const union event *event, __u32 size, __u32 capture)
{
	struct framed_event *framed;
	__u32 key = 0;

	if (!use_ringbuf)
		return bpf_perf_event_output(skb, &cilium_events, BPF_F_CURRENT_CPU | (__u64)capture << 32, (void *)event, size);
	framed = bpf_map_lookup_elem(&framed_events, &key);
	if (!framed || size > sizeof(*event) || !capture)
		return 0;
	capture = ((capture - 1) & (MAX_CAPTURE_LEN - 1)) + 1; /* as in write_tagged */
	framed->event = *event;
	if (!bpf_skb_load_bytes(skb, 0, (__u8 *)framed + size, capture))
		write_framed(skb, framed, size + capture);
	return 0;
}

/* wants tells whether anybody wants events of a type. */
static __always_inline bool wants(enum event_type type)
{
	return monitor_wants(&events_wanted, type);
}

/* take_token is neither inlined nor static, so that the verifier looks at it once. */
__noinline int take_token(__u32 type)
{
	return type < EVENT_TYPES && monitor_take(&rate_buckets[type], &rate_limits[type]);
}

/* allowed tells whether the rate limit leaves room for an event of a type, and counts it if not. */
static __always_inline bool allowed(enum event_type type)
{
	if (!rate_limits[type].interval || take_token(type))
		return true;
	monitor_count_rate_limited(&events_suppressed, type);
	return false;
}

/* emit completes the header and writes the event with the start of the packet.
 * It is not inlined, so that the events' layouts are in BTF.
 *
 * The result does not matter: without a reader there is nothing to do, and the events for which the
 * ring has no room are counted.
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
		write_plain(skb, event, size, capture);
	return 0;
}
