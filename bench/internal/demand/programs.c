// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

// A datapath that makes the events that somebody wants: BPF_PROG_TEST_RUN gives its programs their packets.

#include <stdbool.h>
#include <linux/errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "../../../bpf/events.h"
#include "../../../bpf/wanted.h"

#define PACKET_LEN 128
#define PORT_OFFSET 36 /* of the destination, in UDP over IPv4 over Ethernet */
#define COUNT_OFFSET 48 /* how many events many_ports makes */
#define FIRST_PORT 1000
#define PORTS 1000

struct demand_counters {
	__u64 packets;
	__u64 written;
	__u64 no_reader;
	__u64 no_space;
	__u64 failed;
};

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
} wanted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct demand_counters);
} counters SEC(".maps");

static __always_inline struct demand_counters *begin(void)
{
	__u32 zero = 0;
	struct demand_counters *c = bpf_map_lookup_elem(&counters, &zero);

	if (c)
		c->packets++;
	return c;
}

static __always_inline void count(struct demand_counters *c, long err)
{
	switch (err) {
	case 0:
		c->written++;
		break;
	case -ENOENT:
		c->no_reader++;
		break;
	case -ENOSPC:
		c->no_space++;
		break;
	default:
		c->failed++;
	}
}

static __always_inline long trace(struct __sk_buff *skb)
{
	struct trace_event event = {
		.header.type = EVENT_TRACE,
		.header.subtype = TRACE_TO_NETWORK,
		.header.len_orig = skb->len,
		.header.len_cap = PACKET_LEN,
		.header.version = TRACE_VERSION,
		.reason = TRACE_REASON_UNKNOWN,
		.ifindex = skb->ifindex,
	};

	return bpf_perf_event_output(skb, &cilium_events, BPF_F_CURRENT_CPU | (__u64)PACKET_LEN << 32, &event, sizeof(event));
}

/* A datapath without events. */
SEC("tc")
int silent(struct __sk_buff *skb)
{
	begin();
	return TC_ACT_OK;
}

/* One that traces each packet if somebody wants that. */
SEC("tc")
int traced(struct __sk_buff *skb)
{
	struct demand_counters *c = begin();

	if (c && monitor_wants(&wanted, EVENT_TRACE))
		count(c, trace(skb));
	return TC_ACT_OK;
}

SEC("tc")
int dropped(struct __sk_buff *skb)
{
	struct drop_event event = {
		.header.type = EVENT_DROP,
		.header.subtype = DROP_POLICY_DENIED,
		.header.len_orig = skb->len,
		.header.len_cap = PACKET_LEN,
		.header.version = DROP_VERSION,
		.file = FILE_BPF_HOST,
		.ifindex = skb->ifindex,
	};
	struct demand_counters *c = begin();

	if (c && monitor_wants(&wanted, EVENT_DROP))
		count(c, bpf_perf_event_output(skb, &cilium_events, BPF_F_CURRENT_CPU | (__u64)PACKET_LEN << 32, &event, sizeof(event)));
	return TC_ACT_OK;
}

static long one_port(__u64 index, struct __sk_buff **skb)
{
	struct demand_counters *c = begin();
	__be16 port;

	if (!c)
		return 1;
	port = bpf_htons(FIRST_PORT + c->packets % PORTS);
	if (bpf_skb_store_bytes(*skb, PORT_OFFSET, &port, sizeof(port), 0))
		return 1;
	count(c, trace(*skb));
	return 0;
}

/* Traces as many packets as the one that it gets says, to one port after the other. */
SEC("tc")
int many_ports(struct __sk_buff *skb)
{
	__u32 n;

	if (!bpf_skb_load_bytes(skb, COUNT_OFFSET, &n, sizeof(n)))
		bpf_loop(n, one_port, &skb, 0);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
