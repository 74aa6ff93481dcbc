// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

// Programs that emit events when BPF_PROG_TEST_RUN runs them. What a run has to do
// is in the packet that it is given, in struct emit_request.

#include <stdbool.h>
#include <linux/errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "../bpf/events.h"
#include "../bpf/ringbuf_losses.h"

#define TRACE_PACKET_LEN 128
#define MAX_SAMPLE_LEN 32768

/* Where in the packet the request is and, in a trace event, the stamp. */
#define REQUEST_OFFSET 48

struct emit_request {
	__u32 count;
	__u32 sample_len;
};

struct trace_stamp {
	__u64 sequence;
	__u64 timestamp;
	__u64 cpu;
};

struct emit_counters {
	__u64 written;
	__u64 no_reader;
	__u64 no_space;
	__u64 failed;
	__u64 nanoseconds;
	__u64 traces; /* sequence number of the next one */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} cilium_events SEC(".maps"); /* the loader makes it as large as there are possible CPUs */

/* The events map if use_ringbuf is set, and the counter of its losses. The loader sets its size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ringbuf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} ringbuf_lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct emit_counters);
} counters SEC(".maps");

struct sample {
	__u8 data[MAX_SAMPLE_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample);
} samples SEC(".maps");

const volatile bool measure_time = false;
const volatile bool use_ringbuf = false;

/* emission is what the body of a loop works with. */
struct emission {
	struct __sk_buff *skb;
	struct emit_counters *counters;
	union {
		struct trace_event trace;
		struct {
			struct sample *data;
			__u64 len;
		} sample;
	};
};

/* The counters are per CPU, but a run can be preempted by another one. */
static __always_inline void count(struct emit_counters *counters, long err, __u64 start)
{
	if (measure_time)
		__sync_fetch_and_add(&counters->nanoseconds, bpf_ktime_get_ns() - start);

	switch (err) {
	case 0:
		__sync_fetch_and_add(&counters->written, 1);
		break;
	case -ENOENT:
		__sync_fetch_and_add(&counters->no_reader, 1);
		break;
	case -ENOSPC:
	case -EAGAIN: /* of a ring buffer */
		__sync_fetch_and_add(&counters->no_space, 1);
		break;
	default:
		__sync_fetch_and_add(&counters->failed, 1);
	}
}

struct trace_sample {
	struct trace_event event;
	__u8 packet[TRACE_PACKET_LEN];
};

static __always_inline long submit_trace(struct emission *e)
{
	struct trace_sample *sample;

	sample = bpf_ringbuf_reserve(&ringbuf, sizeof(*sample), 0);
	if (!sample) {
		count_lost(&ringbuf_lost);
		return -EAGAIN;
	}
	sample->event = e->trace;
	if (bpf_skb_load_bytes(e->skb, 0, sample->packet, TRACE_PACKET_LEN)) {
		bpf_ringbuf_discard(sample, 0);
		return -EFAULT;
	}
	bpf_ringbuf_submit(sample, 0);
	return 0;
}

static long emit_one_trace(__u64 index, struct emission *e)
{
	void *data = (void *)(long)e->skb->data;
	void *data_end = (void *)(long)e->skb->data_end;
	struct trace_stamp *stamp = data + REQUEST_OFFSET;
	__u64 start;
	long err;

	if (data + TRACE_PACKET_LEN > data_end)
		return 1;
	start = bpf_ktime_get_ns();
	stamp->sequence = __sync_fetch_and_add(&e->counters->traces, 1);
	stamp->timestamp = start;
	stamp->cpu = bpf_get_smp_processor_id();
	if (use_ringbuf)
		err = submit_trace(e);
	else
		err = bpf_perf_event_output(e->skb, &cilium_events,
					    BPF_F_CURRENT_CPU | (__u64)TRACE_PACKET_LEN << 32,
					    &e->trace, sizeof(e->trace));
	count(e->counters, err, start);
	return 0;
}

static long emit_one_sample(__u64 index, struct emission *e)
{
	__u64 start, len = e->sample.len;
	long err;

	if (len == 0 || len > MAX_SAMPLE_LEN)
		return 1;
	start = measure_time ? bpf_ktime_get_ns() : 0;
	if (use_ringbuf) {
		err = bpf_ringbuf_output(&ringbuf, e->sample.data, len, 0);
		if (err)
			count_lost(&ringbuf_lost);
	} else {
		err = bpf_perf_event_output(e->skb, &cilium_events, BPF_F_CURRENT_CPU, e->sample.data, len);
	}
	count(e->counters, err, start);
	return 0;
}

static __always_inline bool begin(struct __sk_buff *skb, struct emission *e, struct emit_request *request)
{
	__u32 zero = 0;

	e->skb = skb;
	e->counters = bpf_map_lookup_elem(&counters, &zero);
	return e->counters && !bpf_skb_load_bytes(skb, REQUEST_OFFSET, request, sizeof(*request));
}

SEC("tc")
int emit_traces(struct __sk_buff *skb)
{
	struct emit_request request;
	struct emission e = {
		.trace = {
			.header.type = EVENT_TRACE,
			.header.subtype = TRACE_TO_NETWORK,
			.header.len_orig = TRACE_PACKET_LEN,
			.header.len_cap = TRACE_PACKET_LEN,
			.header.version = TRACE_VERSION,
			.reason = TRACE_REASON_UNKNOWN,
			.ifindex = skb->ifindex,
		},
	};

	if (begin(skb, &e, &request))
		bpf_loop(request.count, emit_one_trace, &e, 0);
	return TC_ACT_OK;
}

SEC("tc")
int emit_samples(struct __sk_buff *skb)
{
	struct emit_request request;
	struct emission e = {};
	__u32 zero = 0;

	if (!begin(skb, &e, &request))
		return TC_ACT_OK;
	e.sample.len = request.sample_len;
	e.sample.data = bpf_map_lookup_elem(&samples, &zero);
	if (e.sample.data)
		bpf_loop(request.count, emit_one_sample, &e, 0);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
