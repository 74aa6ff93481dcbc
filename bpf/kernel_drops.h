// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// What the program writes of a packet that the kernel dropped: docs/kernel-drops.md has the event that the agent
// makes of it, with the texts of reason and function in place of the address.

#pragma once

#include <linux/types.h>

#define EVENT_KERNEL_DROP 100
#define KERNEL_DROP_VERSION 0

/* Flags, as those of trace and drop events. */
#define FLAG_IPV6 0x1
#define FLAG_L3_DEVICE 0x2
#define FLAG_OTHER_NETNS 0x10 /* or not known which one */

enum direction {
	DIRECTION_UNKNOWN,
	DIRECTION_INGRESS,
	DIRECTION_EGRESS,
};

/* How much of a packet is captured at most. */
#define KERNEL_CAPTURE_LEN 192

#define DEVICE_NAME_LEN 16
#define PROCESS_NAME_LEN 16

struct kernel_drop {
	/* An address in the function, which is not for everybody. */
	__u64 location;

	/* From here on it is as in the event. */
	__u8 type;
	__u8 direction;
	__u16 source;
	__u32 hash;
	__u32 len_orig;
	__u16 len_cap;
	__u8 version;
	__u8 ext_version;

	__u32 reason; /* enum skb_drop_reason, 0 where the kernel has none */
	__u32 ifindex;
	__u64 cgroup_id; /* of the socket */
	__u32 netns;     /* inode of the network namespace */
	__u32 pid;
	__u32 limited; /* drops of the same kind since the event before, which left none */
	__u32 mark;
	__u32 offset; /* in the function: for the agent */
	__u16 protocol; /* EtherType */
	__u8 flags;
	__u8 reserved;
	char device[DEVICE_NAME_LEN];
	char process[PROCESS_NAME_LEN];

	__u8 packet[KERNEL_CAPTURE_LEN];
};

/* Drops that are counted together. */
struct drop_kind {
	__u64 location;
	char device[DEVICE_NAME_LEN]; /* empty in another network namespace than the agent's */
	__u32 reason;
	__u8 direction;
	__u8 noise;
	__u8 pad[2];
};

/* Of each CPU. */
struct drop_count {
	__u64 drops;
	__u64 limited;  /* of these, those that left no event since there were too many */
	__u64 bucket;   /* of events that may still be written, see rate_limit.h */
	__u32 pending;  /* those of limited that no event has told of */
	__u32 pad;
};

/* What a function is to those who ask whether a drop is a loss where the reason does not say it. */
enum function_role {
	FUNCTION_OTHER,
	FUNCTION_LEFTOVERS, /* it frees what nobody waits for any more */
	FUNCTION_PING,      /* it gives answers to pings to sockets for that */
	FUNCTION_TCP,       /* it frees also what is of use no more at the end of a connection */
	FUNCTION_TCP_STATE, /* and what told the socket something, such as an ACK on the way to that end */
	FUNCTION_RECEIVES,  /* it frees what a device receives, which looks as if it were sent */
};

/* A function: NAME+0xOFFSET/0xSIZE [MODULE], or an address if the kernel knows no name. */
struct function {
	char text[96];
	enum function_role role;
};
