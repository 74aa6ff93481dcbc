// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

// What is looked at of the kernel's own structs. Offsets are those of the running kernel (CO-RE).

#pragma once

#include <stdbool.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	char name[16];
	int ifindex;
	unsigned short type;
	possible_net_t nd_net;
};

struct dst_entry {
	struct net_device *dev;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock_common {
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
};

struct task_struct {
	unsigned int flags;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _skb_refdst;
	unsigned int len;
	__u16 mac_header;
	__u16 network_header;
	__be16 protocol;
	__be16 vlan_proto;
	__u16 vlan_tci;
	int skb_iif;
	__u8 pkt_type : 3;
	__u32 hash;
	__u32 mark;
	unsigned int tail;
	unsigned char *head;
	unsigned char *data;
};

/* Before Linux 6.2 a bit says whether there is a VLAN tag. */
struct sk_buff___vlan_present {
	__u8 vlan_present : 1;
};

#pragma clang attribute pop
