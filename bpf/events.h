// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// Events as the monitor's clients read them: all fields in host byte order,
// no implicit padding. A test holds these layouts against their documented
// offsets by BTF.

#pragma once

#include <linux/types.h>

enum event_type {
	EVENT_DROP = 1,
	EVENT_TRACE = 4,
	EVENT_POLICY_VERDICT = 5,
	EVENT_TYPES, /* more than any of them */
};

/* Flags of trace and drop events. */
#define FLAG_IPV6 0x1
#define FLAG_L3_DEVICE 0x2
#define FLAG_VXLAN 0x4
#define FLAG_GENEVE 0x8

/* Starts every event. The packet's first len_cap bytes follow the event. */
struct event_header {
	__u8 type;
	__u8 subtype;
	__u16 source; /* local endpoint id */
	__u32 hash;
	__u32 len_orig;
	__u16 len_cap;
	__u8 version;
	__u8 ext_version;
};

#define TRACE_VERSION 1

enum trace_reason {
	TRACE_REASON_NEW,
	TRACE_REASON_ESTABLISHED,
	TRACE_REASON_REPLY,
	TRACE_REASON_RELATED,
	TRACE_REASON_UNKNOWN = 5,
};

enum observation_point {
	TRACE_FROM_NETWORK = 10,
	TRACE_TO_NETWORK = 11,
};

struct trace_event {
	struct event_header header; /* subtype: observation point */
	__u32 src_label;
	__u32 dst_label;
	__u16 dst_id;
	__u8 reason;
	__u8 flags;
	__u32 ifindex;
	__be32 orig_ip; /* Cilium's struct goes on with the rest of an IPv6 address, which is read only with FLAG_IPV6 */
	__u32 mark;
	__u32 mark_ipv6; /* 1: the packet is IPv6 */
	__u8 marked[4];  /* MARKED if there is a mark */
};

#define MARKED { 'm', 'a', 'r', 'k' }

#define DROP_VERSION 2
#define DROP_POLICY_DENIED 133

/* Id of bpf_host.c among the source files that clients know by number. */
#define FILE_BPF_HOST 1

struct drop_event {
	struct event_header header; /* subtype: drop reason */
	__u32 src_label;
	__u32 dst_label;
	__u32 dst_id;
	__u16 line;
	__u8 file;
	__s8 ext_error;
	__u32 ifindex;
	__u8 flags;
	__u8 pad[3];
};

#define POLICY_INGRESS 1
#define POLICY_EGRESS 2
#define POLICY_FLAG_IPV6 0x04
#define POLICY_MATCH_SHIFT 3
#define POLICY_FLAG_L3_DEVICE 0x80

struct policy_verdict_event {
	struct event_header header;
	__u32 remote_label;
	__s32 verdict; /* negative: denied, for that drop reason */
	__u16 dst_port;
	__u8 proto;
	__u8 flags;
	__u8 auth_type;
	__u8 ifindexed[3]; /* IFINDEXED; padding in Cilium's struct */
	__u32 cookie; /* number of the deny rule; Cilium has what tells its policies apart here */
	__u32 ifindex; /* padding in Cilium's struct */
};

#define IFINDEXED { 'i', 'f', 'x' }

union event {
	struct event_header header;
	struct trace_event trace;
	struct drop_event drop;
	struct policy_verdict_event policy_verdict;
};
